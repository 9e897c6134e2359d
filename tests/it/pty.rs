//! submit-job on a terminal of its own.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::process::{self, KillOnDrop, Signal};
use crate::{submit, wait};

/// What a terminal gets to show another screen, and the usual one again.
const OTHER_SCREEN: &str = "\u{1b}[?1049h";
const USUAL_SCREEN: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// submit-job while it runs on a terminal.
pub struct TerminalProgram {
    child: KillOnDrop,
    /// The side of the person in front of the terminal.
    person: File,
    /// The side of the program.
    terminal: OwnedFd,
    written: Arc<Mutex<Vec<u8>>>,
    modes_before: libc::termios,
}

/// Starts submit-job on a terminal of this size.
pub fn spawn_submit<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    lines: u16,
    columns: u16,
) -> TerminalProgram {
    let (person, terminal) = open_terminal(lines, columns);
    let modes_before = modes_of(&terminal);
    let mut command = Command::new(env!("CARGO_BIN_EXE_submit-job"));
    submit::clear_environment(&mut command);
    command
        .args(args)
        .env("TERM", "xterm-256color")
        .stdin(terminal.try_clone().unwrap())
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal.try_clone().unwrap());
    // SAFETY: between fork and exec these two system calls are allowed; they take
    // numbers only.
    unsafe {
        command.pre_exec(|| {
            // The terminal becomes that of the session, so that /dev/tty is this one.
            if libc::setsid() < 0 || libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let child = KillOnDrop(command.spawn().unwrap());
    let written = Arc::<Mutex<Vec<u8>>>::default();
    let (mut from, kept) = (person.try_clone().unwrap(), Arc::clone(&written));
    // It ends when no program has the terminal any longer.
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            kept.lock().unwrap().extend_from_slice(&bytes[..length]);
        }
    });
    TerminalProgram {
        child,
        person,
        terminal,
        written,
        modes_before,
    }
}

impl TerminalProgram {
    /// Everything that was written so far, with all that a terminal obeys.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits until a word was written. Only the cells that change are written, so words
    /// next to each other may come apart.
    pub fn wait_for(&self, word: &str) {
        wait::wait_until(&format!("the screen has `{word}`"), wait::DEADLINE, || {
            self.written().contains(word).then_some(())
        });
    }

    /// Forgets what was written, so that the next wait is for something new.
    pub fn forget(&self) {
        self.written.lock().unwrap().clear();
    }

    pub fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    pub fn signal(&self, what: Signal) {
        process::send_signal(&self.child.0, what);
    }

    /// Whether keys reach the program one by one and are not shown.
    pub fn is_raw(&self) -> bool {
        modes_of(&self.terminal).c_lflag & (libc::ICANON | libc::ECHO) == 0
    }

    /// Waits for the end; the terminal must be as it was before.
    pub fn expect_restored(mut self, code: i32) {
        let status = process::wait_for_end(&mut self.child.0, "submit-job ends", wait::DEADLINE);
        // What was written last is read a little later.
        wait::wait_until("the usual screen is back", wait::DEADLINE, || {
            let written = self.written();
            let taken = written.rfind(OTHER_SCREEN).unwrap_or(0);
            let given_back = written[taken..].contains(USUAL_SCREEN);
            (given_back && written[taken..].contains(SHOW_CURSOR)).then_some(())
        });
        assert_eq!(status.code(), Some(code), "{}", self.written());
        let (before, after) = (self.modes_before, modes_of(&self.terminal));
        assert_eq!(
            [
                before.c_iflag,
                before.c_oflag,
                before.c_cflag,
                before.c_lflag
            ],
            [after.c_iflag, after.c_oflag, after.c_cflag, after.c_lflag]
        );
    }
}

fn open_terminal(lines: u16, columns: u16) -> (File, OwnedFd) {
    let size = libc::winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut person, mut terminal) = (-1, -1);
    // SAFETY: the two numbers and the size live through the call, and null is allowed
    // for the name and the modes.
    let result = unsafe {
        libc::openpty(
            &raw mut person,
            &raw mut terminal,
            std::ptr::null_mut(),
            std::ptr::null(),
            &raw const size,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    for side in [person, terminal] {
        // SAFETY: the call takes numbers only. Other tests start programs meanwhile,
        // which must not keep the terminal.
        let result = unsafe { libc::fcntl(side, libc::F_SETFD, libc::FD_CLOEXEC) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
    }
    // SAFETY: both were opened above, and no one else closes them.
    unsafe { (File::from_raw_fd(person), OwnedFd::from_raw_fd(terminal)) }
}

fn modes_of(terminal: &OwnedFd) -> libc::termios {
    // SAFETY: all bits zero is a `termios`, which the call fills.
    let mut modes: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: `modes` lives through the call, which writes one `termios`.
    let result = unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut modes) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    modes
}
