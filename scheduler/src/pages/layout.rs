//! The frame of every page.

use maud::{DOCTYPE, Markup, html};

/// The pages that the head of every page links to.
const SECTIONS: [(&str, &str); 5] = [
    ("", "Overview"),
    ("jobs", "Jobs"),
    ("tables", "Tables"),
    ("landing", "Landing"),
    ("executors", "Executors"),
];

/// The content of a page.
pub(crate) struct Page {
    pub(crate) title: String,
    /// The path of its section, as in the links of the head.
    pub(crate) section: &'static str,
    pub(crate) main: Markup,
}

/// What surrounds the content of a page.
pub(crate) struct Frame {
    /// The way from the page to the first page, such as `../`.
    pub(crate) root: &'static str,
    pub(crate) version: &'static str,
    /// The time of the page, as text.
    pub(crate) time: String,
    /// Whether the content does not change any longer.
    pub(crate) is_final: bool,
}

impl Frame {
    /// The page as an HTML document.
    pub(crate) fn document(&self, page: &Page) -> String {
        let root = self.root;
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (page.title) " · Sluice" }
                    link rel="icon" href={ (root) "assets/icon.svg" } type="image/svg+xml";
                    link rel="stylesheet" href={ (root) "assets/style.css" };
                    @if !self.is_final { noscript { meta http-equiv="refresh" content="5"; } }
                    script src={ (root) "assets/live.js" } defer {}
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header.top {
                        a.brand href={ (root) } { "Sluice" }
                        nav aria-label="Pages" {
                            ul {
                                @for (path, name) in SECTIONS {
                                    @let current = (path == page.section).then_some("page");
                                    li { a href={ (root) (path) } aria-current=[current] { (name) } }
                                }
                            }
                        }
                        span #connection role="status" { (self.time) " UTC" }
                    }
                    main #content tabindex="-1" data-final[self.is_final] { (page.main) }
                    footer { "Sluice " (self.version) " · times are UTC" }
                }
            }
        };
        document.into_string()
    }
}

/// A page that says what went wrong.
pub(crate) fn message_page(title: &str, message: &str) -> Page {
    Page {
        title: title.to_owned(),
        section: "none",
        main: html! {
            h1 { (title) }
            div.card { p { (message) } }
        },
    }
}
