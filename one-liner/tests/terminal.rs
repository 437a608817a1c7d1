//! `top` and `view` on a terminal: what they draw fits, and the terminal is given back.
#![cfg(unix)]

mod processes;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command};

use processes::Demo;
use router_client::{ConnectOptions, RouterClient};

const WIDTH: u16 = 80;
const HEIGHT: u16 = 24;
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";

/// `top` on a terminal of 80 x 24, and what it writes there.
struct Terminal {
    child: Child,
    master: File,
    /// What came, of which a character may not have come as a whole.
    bytes: Vec<u8>,
    written: String,
}

impl Terminal {
    fn start(arguments: &[&str]) -> Terminal {
        let (mut master, mut slave) = (0, 0);
        let size = libc::winsize { ws_row: HEIGHT, ws_col: WIDTH, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: both descriptors are written, nothing else is asked for, and the size is read.
        let opened = unsafe {
            libc::openpty(
                &mut master,
                &mut slave,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                (&raw const size).cast_mut(),
            )
        };
        assert_eq!(opened, 0);
        // The program must not hold the other end of its own terminal: it would never see that nobody reads it.
        // SAFETY: a descriptor that was opened a moment ago.
        assert_eq!(unsafe { libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
        // SAFETY: they were opened a moment ago and belong to nobody else.
        let (master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        let child = Command::new(env!("CARGO_BIN_EXE_one-liner"))
            .args(arguments)
            .env_remove("ONE_LINER_CONNECT")
            .env("TERM", "xterm-256color")
            .env_remove("TERM_PROGRAM")
            .stdin(slave.try_clone().unwrap())
            .stdout(slave)
            .spawn()
            .unwrap();
        Terminal { child, master, bytes: Vec::new(), written: String::new() }
    }

    /// Whether the terminal shows what is typed, as a shell wants it.
    fn echoes(&self) -> bool {
        // SAFETY: a termios is plain numbers, for which zeros are values.
        let mut settings: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: an open terminal, and a structure of ours that is written.
        assert_eq!(unsafe { libc::tcgetattr(self.master.as_raw_fd(), &mut settings) }, 0);
        settings.c_lflag & (libc::ECHO | libc::ICANON) == libc::ECHO | libc::ICANON
    }

    /// Reads until `is_there` finds what it looks for; `false` when the program ends first.
    fn read_until(&mut self, is_there: impl Fn(&str) -> bool) -> bool {
        let mut piece = [0; 4096];
        while !is_there(&self.written) {
            // The end of a terminal without programs is an error.
            let Ok(length @ 1..) = self.master.read(&mut piece) else { return false };
            self.bytes.extend_from_slice(&piece[..length]);
            self.written = String::from_utf8_lossy(&self.bytes).into_owned();
        }
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text of a page without what steers the terminal.
fn lines(page: &str) -> Vec<String> {
    let text = page.replace("\x1b[K", "");
    let text = text.split("\x1b[J").next().unwrap();
    // The terminal puts a return of its own before each line end.
    text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

#[test]
fn each_page_fits_and_ctrl_c_gives_the_terminal_back() {
    let demo = Demo::start();
    // Who connects may choose a name that is wider than the terminal.
    let options = ConnectOptions::default().name("n".repeat(64));
    let client = RouterClient::connect_with(&demo.connect, options).unwrap();
    client.wait_connected(processes::LONG).unwrap();
    let mut arguments = vec!["top", "--every", "100ms", "--connect", &demo.connect, "--watch"];
    arguments.extend(["stage.position_um", "host.load", "host.memory", "host.cpu_percent", "camera.frame"]);
    let mut terminal = Terminal::start(&arguments);
    assert!(terminal.read_until(|written| written.matches(HOME).count() >= 4), "{}", terminal.written);
    assert!(terminal.written.starts_with(ENTER), "{:?}", terminal.written);
    let pages: Vec<_> = terminal.written.split(HOME).skip(1).take(3).map(lines).collect();
    for page in &pages {
        assert!(page.len() <= usize::from(HEIGHT), "{page:#?}");
        assert!(page.iter().all(|line| line.chars().count() <= usize::from(WIDTH)), "{page:#?}");
        assert!(page.iter().any(|line| line.chars().count() == usize::from(WIDTH)), "{page:#?}");
        for text in ["stage.position_um", "last - first + 1", "call ", "client ", "... and "] {
            assert!(page.iter().any(|line| line.contains(text)), "{text} in {page:#?}");
        }
    }
    // SAFETY: signals a child of ours that was not waited for yet, so the id is still its own.
    assert_eq!(unsafe { libc::kill(terminal.child.id() as libc::pid_t, libc::SIGINT) }, 0);
    assert!(terminal.read_until(|written| written.ends_with(LEAVE)), "{:?}", terminal.written);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_terminal_is_given_back_when_the_time_is_over() {
    let demo = Demo::start();
    let mut terminal = Terminal::start(&["top", "--for", "300ms", "--connect", &demo.connect]);
    assert!(terminal.read_until(|written| written.ends_with(LEAVE)), "{:?}", terminal.written);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_camera_is_seen_until_q_is_pressed() {
    let demo = Demo::start();
    let mut terminal = Terminal::start(&["view", "camera.frame", "--connect", &demo.connect]);
    assert!(terminal.echoes());
    let is_drawn = |written: &str| written.matches("q quits").count() >= 2;
    assert!(terminal.read_until(is_drawn), "{:?}", terminal.written);
    assert!(!terminal.echoes(), "a key is not shown");
    assert!(terminal.written.starts_with(ENTER));
    let page = terminal.written.split(HOME).find(|page| page.contains("q quits")).unwrap();
    let picture: Vec<_> = page.lines().filter(|line| line.contains('\u{2580}')).collect();
    // 512 x 512 pixels as the 23 lines of two rows that are left above the line below.
    assert_eq!(picture.len(), usize::from(HEIGHT) - 1, "{page:?}");
    assert!(picture.iter().all(|line| line.matches('\u{2580}').count() == 46), "{page:?}");
    let below = page.rsplit("\x1b[24;1H").next().unwrap();
    assert!(page.contains("255;255;255") && below.starts_with("q quits  camera.frame  "), "{below:?}");
    terminal.master.write_all(b"q").unwrap();
    assert!(terminal.read_until(|written| written.ends_with(LEAVE)), "{:?}", terminal.written);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    assert!(terminal.echoes(), "the terminal is as it was");
}
