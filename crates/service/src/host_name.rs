//! The name of this machine.

/// The name that the system gives this machine; `None` where it has none, or one that
/// is not text.
pub fn host_name() -> Option<String> {
    // Linux allows 64 bytes, POSIX 255.
    let mut buffer = [0_u8; 256];
    // SAFETY: `gethostname` writes at most `len` bytes to a buffer of that size, which
    // lives through the call.
    let result = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len()) };
    if result != 0 {
        return None;
    }
    let end = buffer.iter().position(|byte| *byte == 0)?;
    let name = std::str::from_utf8(&buffer[..end]).ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_name_that_the_system_shows() {
        let shown = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(host_name().as_deref(), Some(shown.trim_end()));
    }
}
