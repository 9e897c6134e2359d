//! Texts of numbers.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "format_number",
        &[Kind::Double, Kind::Any],
        text_result,
        |args| {
            let numbers = exact_numbers(args)?;
            if *args.data_type(1)? == DataType::Utf8 {
                let patterns = args.text(1)?;
                return args.texts(|row| match (numbers(row)?, patterns.get(row)) {
                    (Some(number), Some(pattern)) => {
                        let layout = NumberLayout::parse(pattern)?;
                        Ok(Some(format_number(&number, &layout)))
                    }
                    _ => Ok(None),
                });
            }
            let places = args.int(1)?;
            args.texts(|row| {
                let (Some(number), Some(places)) = (numbers(row)?, places.get(row)) else {
                    return Ok(None);
                };
                let Ok(places) = usize::try_from(places) else {
                    return Ok(None);
                };
                let layout = NumberLayout {
                    grouped: true,
                    min_whole: 1,
                    min_places: places,
                    max_places: places,
                    ..NumberLayout::default()
                };
                Ok(Some(format_number(&number, &layout)))
            })
        },
    ),
    SparkFunction::new(
        "conv",
        &[Kind::Text, Kind::Int, Kind::Int],
        text_result,
        |args| {
            let (texts, from, to) = (args.text(0)?, args.int(1)?, args.int(2)?);
            args.texts(|row| match (texts.get(row), from.get(row), to.get(row)) {
                (Some(text), Some(from), Some(to)) => convert_base(text, from, to),
                _ => Ok(None),
            })
        },
    ),
    SparkFunction::new("bin", &[Kind::Long], text_result, |args| {
        let numbers = args.long(0)?;
        args.texts(|row| Ok(numbers.get(row).map(|n| format!("{n:b}"))))
    }),
];

/// The digits of a number, exactly.
struct ExactNumber {
    negative: bool,
    /// Without leading zeros.
    whole: String,
    places: String,
    /// `NaN` or an infinity instead.
    special: Option<&'static str>,
}

type NumberOfRow<'a> = Box<dyn Fn(usize) -> Result<Option<ExactNumber>> + 'a>;

fn exact_numbers<'a>(args: &'a Arguments<'_>) -> Result<NumberOfRow<'a>> {
    let given = args.any(0)?;
    match given.array().data_type() {
        DataType::Decimal128(_, scale) => {
            let scale = usize::try_from(*scale).unwrap_or(0);
            let values = given.array().as_primitive::<Decimal128Type>().clone();
            Ok(Box::new(move |row| {
                let row = given.position(row);
                Ok(values.is_valid(row).then(|| {
                    let value = values.value(row);
                    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
                    let (whole, places) = digits.split_at(digits.len() - scale);
                    ExactNumber::new(value < 0, whole, places)
                }))
            }))
        }
        kind if kind.is_integer() => {
            let values = args.long(0)?;
            Ok(Box::new(move |row| {
                Ok(values
                    .get(row)
                    .map(|n| ExactNumber::new(n < 0, &n.unsigned_abs().to_string(), "")))
            }))
        }
        _ => {
            let values = args.double(0)?;
            Ok(Box::new(move |row| Ok(values.get(row).map(exact_double))))
        }
    }
}

fn exact_double(value: f64) -> ExactNumber {
    if value.is_nan() || value.is_infinite() {
        return ExactNumber {
            negative: value < 0.0,
            whole: String::new(),
            places: String::new(),
            special: Some(if value.is_nan() { "NaN" } else { "∞" }),
        };
    }
    // All digits of the binary fraction, so that a tie is a true tie.
    let text = format!("{:.1$}", value.abs(), 340);
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    ExactNumber::new(value < 0.0, whole, places)
}

impl ExactNumber {
    fn new(negative: bool, whole: &str, places: &str) -> Self {
        Self {
            negative,
            whole: whole.trim_start_matches('0').to_owned(),
            places: places.to_owned(),
            special: None,
        }
    }

    /// Rounds half to even, as Java's DecimalFormat.
    fn round(&self, places: usize) -> (String, String) {
        let kept = self
            .places
            .get(..places.min(self.places.len()))
            .unwrap_or("");
        let rest = self.places.get(kept.len()..).unwrap_or("");
        let mut digits: Vec<u8> = self.whole.bytes().chain(kept.bytes()).collect();
        let half = rest.starts_with('5') && rest.bytes().skip(1).all(|b| b == b'0');
        let odd = digits.last().is_some_and(|b| b % 2 == 1);
        let up = if half {
            odd
        } else {
            rest.bytes().next().is_some_and(|b| b >= b'5')
        };
        if up {
            let mut at = digits.len();
            loop {
                match at.checked_sub(1) {
                    None => {
                        digits.insert(0, b'1');
                        break;
                    }
                    Some(before) => at = before,
                }
                match digits.get_mut(at) {
                    Some(digit) if *digit == b'9' => *digit = b'0',
                    Some(digit) => {
                        *digit += 1;
                        break;
                    }
                    None => break,
                }
            }
        }
        let text = String::from_utf8_lossy(&digits).into_owned();
        let (whole, places) = text.split_at(text.len() - kept.len());
        (whole.to_owned(), places.to_owned())
    }
}

/// What a pattern such as `#,##0.00` says.
#[derive(Debug, Default)]
struct NumberLayout {
    prefix: String,
    suffix: String,
    grouped: bool,
    min_whole: usize,
    min_places: usize,
    max_places: usize,
}

impl NumberLayout {
    fn parse(pattern: &str) -> Result<Self> {
        if pattern.is_empty() {
            return Self::parse("#,###,###,###,###,###,##0");
        }
        let unknown = || {
            DataFusionError::Execution(format!(
                "format_number does not have the pattern '{pattern}'; write one of #, 0, \
                 commas and a point, such as '#,##0.00'"
            ))
        };
        let is_part = |c: char| "#0,.".contains(c);
        let start = pattern.find(is_part).ok_or_else(unknown)?;
        let end = pattern.rfind(is_part).ok_or_else(unknown)? + 1;
        let (prefix, core) = (
            pattern.get(..start).unwrap_or_default(),
            pattern.get(start..end).unwrap_or_default(),
        );
        let suffix = pattern.get(end..).unwrap_or_default();
        let special = |text: &str| text.contains(['%', '‰', 'E', ';', '\'', '¤']);
        if !core.chars().all(is_part) || special(prefix) || special(suffix) {
            return Err(unknown());
        }
        let (whole, places) = core.split_once('.').unwrap_or((core, ""));
        let group = whole.rsplit_once(',').map(|(_, last)| last.len());
        if places.contains([',', '.']) || group.is_some_and(|size| size != 3) {
            return Err(unknown());
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            grouped: group.is_some(),
            min_whole: whole.matches('0').count(),
            min_places: places.matches('0').count(),
            max_places: places.len(),
        })
    }
}

fn format_number(number: &ExactNumber, layout: &NumberLayout) -> String {
    let minus = |negative: bool| if negative { "-" } else { "" };
    if let Some(special) = number.special {
        return format!("{}{special}", minus(number.negative));
    }
    let (whole, places) = number.round(layout.max_places);
    let mut places = format!("{places:0<width$}", width = layout.max_places);
    while places.len() > layout.min_places && places.ends_with('0') {
        places.pop();
    }
    let whole = format!(
        "{:0>width$}",
        whole.trim_start_matches('0'),
        width = layout.min_whole
    );
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if layout.grouped && at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if places.is_empty() { "" } else { "." };
    // Java keeps the sign of a negative number that rounds to zero.
    format!(
        "{}{}{grouped}{point}{places}{}",
        minus(number.negative),
        layout.prefix,
        layout.suffix
    )
}

/// The number of a text in another base; from its first character that is no
/// digit on, the text is ignored.
fn convert_base(text: &str, from: i32, to: i32) -> Result<Option<String>> {
    let text = text.trim_matches(' ');
    let Ok(from) = u32::try_from(from) else {
        return Ok(None);
    };
    let target = to.unsigned_abs();
    if !(2..=36).contains(&from) || !(2..=36).contains(&target) || text.is_empty() {
        return Ok(None);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut value: u64 = 0;
    for digit in digits.chars().map_while(|letter| letter.to_digit(from)) {
        value = value
            .checked_mul(u64::from(from))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .ok_or_else(|| {
                DataFusionError::Execution(format!("conv: the number '{text}' exceeds 64 bits"))
            })?;
    }
    // Negative numbers are those of 64 bits, unless the target base is negative.
    let mut minus = false;
    if negative {
        value = value.wrapping_neg();
    }
    if to < 0 && (value as i64) < 0 {
        minus = true;
        value = value.wrapping_neg();
    }
    let mut result = Vec::new();
    loop {
        let digit = u32::try_from(value % u64::from(target)).unwrap_or(0);
        result.push(
            char::from_digit(digit, target)
                .unwrap_or('0')
                .to_ascii_uppercase(),
        );
        value /= u64::from(target);
        if value == 0 {
            break;
        }
    }
    if minus {
        result.push('-');
    }
    Ok(Some(result.into_iter().rev().collect()))
}
