//! The W3C headers of a trace, as gRPC metadata of a submission.

use tonic::metadata::MetadataMap;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Writes the headers of the span that submits a job. What is not ASCII is left out.
pub fn write_trace(metadata: &mut MetadataMap, traceparent: &str, tracestate: Option<&str>) {
    let Ok(value) = traceparent.parse() else {
        return;
    };
    metadata.insert(TRACEPARENT, value);
    if let Some(value) = tracestate.and_then(|state| state.parse().ok()) {
        metadata.insert(TRACESTATE, value);
    }
}

/// The headers `traceparent` and `tracestate`, as the client has sent them.
pub fn read_trace(metadata: &MetadataMap) -> Option<(&str, Option<&str>)> {
    let read = |name: &str| metadata.get(name)?.to_str().ok();
    Some((read(TRACEPARENT)?, read(TRACESTATE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_went() {
        let mut metadata = MetadataMap::new();
        assert_eq!(read_trace(&metadata), None);
        write_trace(&mut metadata, "00-a-b-01", None);
        assert_eq!(read_trace(&metadata), Some(("00-a-b-01", None)));
        write_trace(&mut metadata, "00-a-b-01", Some("vendor=x"));
        assert_eq!(read_trace(&metadata), Some(("00-a-b-01", Some("vendor=x"))));
    }

    #[test]
    fn what_is_no_header_is_left_out() {
        let mut metadata = MetadataMap::new();
        write_trace(&mut metadata, "a\nb", Some("vendor=x"));
        assert_eq!(read_trace(&metadata), None);
    }
}
