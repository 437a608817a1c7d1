//! A server at a path of the file system.
#![cfg(unix)]

mod support;

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use router_server::{BindError, RouterServer};
use support::child::{self, play, say};
use support::{Child, Ends, client_at, eventually};

#[test]
fn child_process() {
    play(|role| match role {
        "server" => {
            let _server = RouterServer::bind(&child::argument("address").unwrap()).unwrap();
            say("serves", "");
            child::orders().for_each(drop);
        }
        other => panic!("no role {other}"),
    });
}

/// A folder, the address of a server in it, and the files that this takes.
fn place() -> (tempfile::TempDir, String, [PathBuf; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let files = ["rig", "rig.samples", "rig.frames"].map(|name| folder.path().join(name));
    let address = format!("ipc://{}", files[0].display());
    (folder, address, files)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn a_stop_leaves_no_file_behind_and_clients_come_back() {
    let (folder, address, files) = place();
    let server = RouterServer::bind(&address).unwrap();
    server.add_call("one", || 1).unwrap();
    // A large sample has the socket of frames bound anew.
    let _publisher = server.add_publisher::<u8>("camera.frame", 8 << 20).unwrap();
    assert!(files.iter().all(|file| file.exists()));
    let client = client_at(&address, Default::default());
    assert_eq!(client.call("one", ()).ends(), Ok(1));
    assert!(server.stop().is_clean());
    assert!(is_empty(folder.path()), "{files:?}");
    let again = RouterServer::bind(&address).unwrap();
    again.add_call("one", || 2).unwrap();
    eventually("the client is back", || client.call("one", ()).ends() == Ok(2));
    drop(again);
    assert!(is_empty(folder.path()), "{files:?}");
}

#[test]
fn what_nobody_listens_on_is_taken_over() {
    let (folder, address, files) = place();
    for file in &files {
        drop(UnixListener::bind(file).unwrap());
        assert!(file.exists(), "a listener leaves its file");
    }
    drop(RouterServer::bind(&address).unwrap());
    // A process that was killed removes nothing.
    let mut child = Child::start("server", &[("address", &address)]);
    child.hears("serves");
    child.kill();
    assert!(files.iter().all(|file| file.exists()));
    drop(RouterServer::bind(&address).unwrap());
    assert!(is_empty(folder.path()), "{files:?}");
}

#[test]
fn a_path_that_is_served_names_who_serves_it() {
    let (folder, address, files) = place();
    let mut child = Child::start("server", &[("address", &address)]);
    child.hears("serves");
    let error = RouterServer::bind(&address).unwrap_err();
    assert!(matches!(error, BindError::PathInUse { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&format!("{address} is in use")), "{text}");
    if cfg!(target_os = "linux") {
        assert!(text.contains(&format!("(pid {}) serves there", child.pid())), "{text}");
    }
    assert!(files.iter().all(|file| file.exists()), "the live server's files are its own");
    child.kill();
    // Only the third is taken: what was made for the other two goes again.
    files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    let _listener = UnixListener::bind(&files[2]).unwrap();
    let text = RouterServer::bind(&address).unwrap_err().to_string();
    if cfg!(target_os = "linux") {
        assert!(
            text.contains(&format!("rig.frames is in use: this program (pid {})", std::process::id())),
            "{text}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_stop_removes_only_what_the_server_made() {
    let (_folder, address, files) = place();
    let server = RouterServer::bind(&address).unwrap();
    // Somebody else takes the path over, as libzmq does elsewhere without asking.
    std::fs::remove_file(&files[0]).unwrap();
    let _foreign = UnixListener::bind(&files[0]).unwrap();
    drop(server);
    assert_eq!(files.map(|file| file.exists()), [true, false, false]);
}

#[test]
fn a_file_that_is_no_socket_is_kept() {
    let (_folder, address, files) = place();
    std::fs::write(&files[1], "measured last week").unwrap();
    let error = RouterServer::bind(&address).unwrap_err();
    assert!(matches!(error, BindError::NotASocket { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&files[1]).unwrap(), "measured last week");
    assert!(!files[0].exists());
}
