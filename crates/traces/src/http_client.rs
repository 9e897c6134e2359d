//! Sends spans over HTTP.
//!
//! The exporter's thread is not on a tokio runtime, and it must neither depend on the
//! threads that serve nor wait for them: requests have a thread of their own.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};

/// An HTTP client with its own thread.
#[derive(Debug)]
pub(crate) struct ExportClient {
    client: reqwest::Client,
    runtime: Option<Runtime>,
}

impl ExportClient {
    /// A client whose requests take at most `timeout`.
    pub(crate) fn new(timeout: Duration) -> Result<Self, HttpError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()?;
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            // Headers with keys are for the endpoint only.
            .redirect(Policy::none())
            .build()
            .map_err(reqwest::Error::without_url)?;
        Ok(Self {
            client,
            runtime: Some(runtime),
        })
    }
}

#[async_trait]
impl HttpClient for ExportClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let Some(runtime) = &self.runtime else {
            return Err("the export has ended".into());
        };
        runtime
            .spawn(async move { send_request(&client, request).await })
            .await?
    }
}

/// The endpoint may hold a key, so no error names it.
async fn send_request(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request).map_err(reqwest::Error::without_url)?;
    let sent = client.execute(request).await;
    let mut answer = sent.map_err(reqwest::Error::without_url)?;
    let status = answer.status();
    let headers = std::mem::take(answer.headers_mut());
    let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::builder().status(status).body(body)?;
    *response.headers_mut() = headers;
    Ok(response)
}

impl Drop for ExportClient {
    fn drop(&mut self) {
        // A runtime must not be dropped inside another one, and not be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
