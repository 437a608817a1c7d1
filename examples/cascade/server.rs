//! Starts three servers, each behind the one before it. Run as `cascade-server ADDRESS`, it is the first; it starts
//! the others itself, as `cascade-server ADDRESS PREFIX=ADDRESS` and `cascade-server ADDRESS rig`.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use router_client::{Call, Interrupted, interface};
use router_frame::{Frame, FrameInfo, FrameWriter, PixelFormat};
use router_server::RouterServer;

struct Stage;

/// One axis.
#[interface]
impl Stage {
    /// Moves to `target_um` [um]; to 1500 at once, elsewhere in a minute.
    pub fn move_to(&self, call: &Call, target_um: f64) -> Result<f64, Interrupted> {
        for step in 1..=if target_um == 1500.0 { 0 } else { 4 } {
            call.progress(f64::from(step) / 4.0, "moving")?;
            call.sleep(Duration::from_secs(15))?;
        }
        Ok(target_um)
    }

    /// Stops at once.
    #[call(urgent, clears_lane)]
    pub fn stop(&self) {}

    /// Who calls.
    pub fn caller(&self, call: &Call) -> String {
        call.client().to_owned()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = arguments.first().map_or("tcp://127.0.0.1", String::as_str);
    let server = RouterServer::bind(address)?;
    // Ends with this program, and with it the servers behind.
    let _behind = match arguments.get(1).map(|what| what.split_once('=')) {
        Some(None) => {
            serve_rig(&server)?;
            None
        }
        Some(Some((prefix, behind))) => {
            server.add_upstream(prefix, behind)?;
            None
        }
        None => {
            let (rig, at) = start("rig")?;
            let (room, at) = start(&format!("rig={at}"))?;
            server.add_upstream("room", &at)?;
            wait_for(&server, "room.rig.stage.move_to")?;
            Some((rig, room))
        }
    };
    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}

fn serve_rig(server: &RouterServer) -> Result<(), Box<dyn std::error::Error>> {
    server.add_instrument("stage", Stage)?;
    let info = FrameInfo::new(PixelFormat::Mono8, 1024, 1024);
    let black = FrameWriter::new().begin(&info)?.finish()?;
    let mut frames = server.add_publisher::<Frame>("camera.frame", info.payload_bytes()?)?;
    std::thread::spawn(move || {
        while frames.publish(&black).is_ok() {
            std::thread::sleep(Duration::from_millis(100)); // the camera's own pace
        }
    });
    Ok(())
}

/// Another of the servers, as a program of its own. It ends at the end of its input, when this is dropped.
struct Behind {
    program: Child,
    /// Open for as long as the program may print.
    _output: BufReader<ChildStdout>,
}

impl Drop for Behind {
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ = self.program.wait(); // one that has gone already is as good
    }
}

/// Starts another of the servers; returns where it listens, too.
fn start(what: &str) -> Result<(Behind, String), Box<dyn std::error::Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["tcp://127.0.0.1:*", what]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let (mut output, mut line) = (BufReader::new(child.stdout.take().ok_or("no output")?), String::new());
    output.read_line(&mut line)?;
    let at = line.split_whitespace().find(|word| word.starts_with("tcp://")).ok_or("it says no address")?;
    let at = at.trim_end_matches(';').to_owned();
    Ok((Behind { program: child, _output: output }, at))
}

/// Waits until the server knows a call of the servers behind it.
fn wait_for(server: &RouterServer, name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let end = Instant::now() + Duration::from_secs(30);
    while !server.describe().calls.iter().any(|call| call.name == name) {
        if Instant::now() > end {
            return Err(format!("`{name}` was not there within 30 s").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
