//! Entity tags: a client that has an answer asks whether it is still the same.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How many bytes of the hash a tag has: enough for answers that no one makes to
/// collide.
const TAG_BYTES: usize = 16;

/// A middleware for answers that are made at once: it gives each a strong tag over its
/// bytes, and answers 304 without a body to a client that has them.
pub(super) async fn answer_if_changed(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known_tags = KnownTags::from_headers(request.headers());
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
    };
    let tag = entity_tag(&bytes);
    let is_known = known_tags.contains_tag(&tag);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        head.headers.insert(header::ETAG, tag);
    }
    if !is_known {
        return Response::from_parts(head, Body::from(bytes));
    }
    head.status = StatusCode::NOT_MODIFIED;
    for about_body in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
        head.headers.remove(about_body);
    }
    Response::from_parts(head, Body::empty())
}

/// The tag of a body, with its quotes.
fn entity_tag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let text = BASE64_URL_SAFE_NO_PAD.encode(&hash[..TAG_BYTES]);
    format!("\"{text}\"")
}

/// What the client has, as it says in `If-None-Match`.
struct KnownTags(Vec<String>);

impl KnownTags {
    fn from_headers(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::IF_NONE_MATCH).into_iter();
        Self(
            values
                .filter_map(|value| value.to_str().ok().map(str::to_owned))
                .collect(),
        )
    }

    /// Whether one of them is this tag. A proxy that compresses answers makes tags
    /// weak; they still name the same content. Our tags have no comma.
    fn contains_tag(&self, tag: &str) -> bool {
        self.0.iter().any(|value| {
            value.trim() == "*"
                || (value.split(',').map(str::trim))
                    .any(|known| known.strip_prefix("W/").unwrap_or(known) == tag)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    fn routes() -> Router {
        let json = [(header::CONTENT_TYPE, "application/json")];
        Router::new()
            .route("/a", get(move || async move { (json, "{\"a\":1}") }))
            .route("/b", get(|| async { "b" }).post(|| async { "posted" }))
            .route("/none", get(|| async { (StatusCode::NOT_FOUND, "none") }))
            .layer(from_fn(answer_if_changed))
    }

    async fn ask(method: Method, path: &str, known: &[&str]) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path);
        for tags in known {
            request = request.header(header::IF_NONE_MATCH, *tags);
        }
        let request = request.body(Body::empty()).unwrap();
        let (head, body) = routes().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (
            head.status,
            head.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    fn tag_of(headers: &HeaderMap) -> &str {
        headers[header::ETAG].to_str().unwrap()
    }

    #[tokio::test]
    async fn a_client_with_the_answer_gets_none() {
        let (status, headers, body) = ask(Method::GET, "/a", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "{\"a\":1}"));
        let tag = tag_of(&headers).to_owned();
        assert!(
            tag.starts_with('"') && tag.ends_with('"') && tag.len() == 24,
            "{tag}"
        );
        let weak = format!("W/{tag}");
        let several = format!("\"x\", W/\"y\" ,{weak}");
        for known in [
            &[tag.as_str()][..],
            &[&weak],
            &[&several],
            &["\"x\"", &tag],
            &["*"],
        ] {
            let (status, headers, body) = ask(Method::GET, "/a", known).await;
            assert_eq!(
                (status, body.as_str()),
                (StatusCode::NOT_MODIFIED, ""),
                "{known:?}"
            );
            assert_eq!(tag_of(&headers), tag, "{known:?}");
            assert!(!headers.contains_key(header::CONTENT_TYPE), "{headers:?}");
        }
        let unquoted = tag.trim_matches('"');
        for known in [&["\"x\""][..], &[unquoted], &[""], &["W/"], &[","]] {
            let (status, _, body) = ask(Method::GET, "/a", known).await;
            assert_eq!(
                (status, body.as_str()),
                (StatusCode::OK, "{\"a\":1}"),
                "{known:?}"
            );
        }
    }

    #[tokio::test]
    async fn other_bytes_have_another_tag() {
        let (_, a, _) = ask(Method::GET, "/a", &[]).await;
        let (_, b, _) = ask(Method::GET, "/b", &[tag_of(&a)]).await;
        assert_ne!(tag_of(&a), tag_of(&b));
    }

    #[tokio::test]
    async fn a_head_has_the_tag_of_the_body_that_it_leaves_out() {
        let (_, get, _) = ask(Method::GET, "/a", &[]).await;
        let (status, head, body) = ask(Method::HEAD, "/a", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
        assert_eq!(tag_of(&head), tag_of(&get));
        assert_eq!(head[header::CONTENT_LENGTH], "7");
    }

    #[tokio::test]
    async fn only_what_was_found_and_read_has_a_tag() {
        let (status, headers, body) = ask(Method::GET, "/none", &["*"]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, "none"));
        assert!(!headers.contains_key(header::ETAG));
        let (status, headers, body) = ask(Method::POST, "/b", &["*"]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "posted"));
        assert!(!headers.contains_key(header::ETAG));
    }
}
