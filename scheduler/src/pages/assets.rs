//! The files that pages load. They are part of the program, and no page loads
//! anything from elsewhere.

/// A file that pages load.
pub(crate) struct Asset {
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
}

/// The file of this name.
pub(crate) fn find_asset(name: &str) -> Option<Asset> {
    let (content_type, text) = match name {
        "style.css" => ("text/css; charset=utf-8", include_str!("assets/style.css")),
        "live.js" => (
            "text/javascript; charset=utf-8",
            include_str!("assets/live.js"),
        ),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return None,
    };
    Some(Asset { content_type, text })
}
