//! Small charts, drawn as SVG.

use maud::{Markup, html};

const SIZE: (f64, f64) = (300.0, 64.0);

/// A moment of an [`area_chart`].
pub(super) struct Moment {
    /// Where the moment is in the time of the chart: 0 is its begin, 1 its end.
    pub(super) place: f64,
    pub(super) all: f64,
    pub(super) part: f64,
}

/// Two series over the same moments, the second within the first. `label` says in
/// words what is seen.
pub(super) fn area_chart(moments: &[Moment], label: &str) -> Markup {
    let highest = moments.iter().map(|moment| moment.all).fold(1.0, f64::max);
    let path = |pick: fn(&Moment) -> f64| {
        let x = |moment: &Moment| SIZE.0 * moment.place.clamp(0.0, 1.0);
        let mut text = format!("M{:.1} {:.1}", moments.first().map_or(0.0, x), SIZE.1);
        for moment in moments {
            let y = SIZE.1 * (1.0 - pick(moment) / highest);
            text.push_str(&format!(" L{:.1} {y:.1}", x(moment)));
        }
        text.push_str(&format!(
            " L{:.1} {:.1} Z",
            moments.last().map_or(0.0, x),
            SIZE.1
        ));
        text
    };
    html! {
        svg viewBox={ "0 0 " (SIZE.0) " " (SIZE.1) } width=(SIZE.0) height=(SIZE.1) role="img" aria-label=(label) {
            path.area d=(path(|moment| moment.all)) {}
            path.fill d=(path(|moment| moment.part)) {}
            line.axis x1="0" y1=(SIZE.1) x2=(SIZE.0) y2=(SIZE.1) {}
        }
    }
}

/// One bar of a chart.
pub(super) struct Bar {
    pub(super) value: f64,
    pub(super) class: &'static str,
    /// What a pointer that rests on the bar shows.
    pub(super) title: String,
    pub(super) link: Option<String>,
}

/// Values as bars, from left to right. `label` says in words what is seen.
pub(super) fn bars(bars: &[Bar], label: &str) -> Markup {
    let highest = bars
        .iter()
        .map(|bar| bar.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let width = 14.0;
    let all = width * bars.len() as f64;
    let has_links = bars.iter().any(|bar| bar.link.is_some());
    html! {
        svg viewBox={ "0 0 " (all) " " (SIZE.1) } width=(all) height=(SIZE.1)
            role=(if has_links { "group" } else { "img" }) aria-label=(label) {
            @for (at, bar) in bars.iter().enumerate() {
                @let height = (SIZE.1 * bar.value / highest).max(2.0);
                @let shape = html! {
                    rect class={ "fill box " (bar.class) } x=(at as f64 * width + 1.0)
                        y=(format!("{:.1}", SIZE.1 - height)) width=(width - 2.0)
                        height=(format!("{height:.1}")) { title { (bar.title) } }
                };
                @match &bar.link {
                    Some(link) => { a href=(link) aria-label=(bar.title) { (shape) } }
                    None => (shape),
                }
            }
        }
    }
}
