//! Keys as they are pressed, without Enter. Elsewhere than on Unix there are none: Ctrl-C ends.

/// Keys of the terminal at stdin, which is given back as it was when this is dropped.
pub(crate) struct Keys {
    #[cfg(unix)]
    saved: Option<libc::termios>,
}

#[cfg(unix)]
impl Keys {
    /// Takes the terminal, if stdin is one: a key comes at once and is not shown. Ctrl-C stays what it is.
    pub(crate) fn take() -> Keys {
        // SAFETY: a termios is plain numbers, for which zeros are values.
        let mut saved: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: writes the settings of stdin into a structure of ours, or fails.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, &mut saved) } != 0 {
            return Keys { saved: None };
        }
        let mut raw = saved;
        raw.c_lflag &= !(libc::ICANON | libc::ECHO);
        // A read returns at once, with a key or without.
        raw.c_cc[libc::VMIN] = 0;
        raw.c_cc[libc::VTIME] = 0;
        // SAFETY: reads a structure of ours.
        let is_set = unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &raw) } == 0;
        Keys { saved: is_set.then_some(saved) }
    }

    /// A key that was pressed; never waits.
    pub(crate) fn pressed(&self) -> Option<u8> {
        self.saved?;
        let mut key = 0_u8;
        // SAFETY: one byte of ours is written.
        let read = unsafe { libc::read(libc::STDIN_FILENO, (&raw mut key).cast(), 1) };
        (read == 1).then_some(key)
    }
}

#[cfg(unix)]
impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            // SAFETY: reads a structure of ours. A terminal that is gone needs nothing back.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, saved) };
        }
    }
}

#[cfg(not(unix))]
impl Keys {
    /// Takes nothing.
    pub(crate) fn take() -> Keys {
        Keys {}
    }

    /// No key.
    pub(crate) fn pressed(&self) -> Option<u8> {
        None
    }
}
