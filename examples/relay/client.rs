//! Starts a program that knows nothing of us, has the server relay it, and reads it like any other stream.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use router_client::RouterClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let source = arguments.next().unwrap_or_else(|| "rust".to_owned());
    let Some(mut program) = program(&source)? else {
        eprintln!(
            "SKIPPED: python3 with pyzmq is not installed here, so the relay of python/pub.py is NOT tried"
        );
        println!("skipped");
        return Ok(());
    };
    let mut source_program = Source(program.stdout(Stdio::piped()).spawn()?);
    let published_at = source_program.address()?;

    let client = RouterClient::connect(&address)?;
    let stream = format!("laser.{source}.power_mw");
    client.call::<()>("relay", (&stream, &published_at)).wait()?;
    let power_mw = client.subscribe::<f64>(&stream).queue(100)?;
    let mut previous = power_mw.recv_timeout(Duration::from_secs(10))?;
    for _ in 0..4 {
        let reading = power_mw.recv_timeout(Duration::from_secs(10))?;
        assert_eq!(reading.sequence, previous.sequence + 1, "a reading is missing");
        assert_eq!(reading.value, previous.value + 0.5, "a wrong reading");
        previous = reading;
    }
    println!("5 readings, each 0.5 mW more than the one before");
    Ok(())
}

/// The program that publishes: the one in Rust, or the one in Python where that can run.
fn program(source: &str) -> std::io::Result<Option<Command>> {
    if source != "python" {
        let name = format!("relay-source{}", std::env::consts::EXE_SUFFIX);
        return Ok(Some(Command::new(std::env::current_exe()?.with_file_name(name))));
    }
    let imports = Command::new("python3").args(["-c", "import zmq"]).stderr(Stdio::null()).status();
    if !imports.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("relay/python/pub.py"));
    Ok(Some(python))
}

/// A running program, ended with this one.
struct Source(Child);

impl Source {
    /// Where it says that it publishes.
    fn address(&mut self) -> Result<String, Box<dyn std::error::Error>> {
        let output = self.0.stdout.take().ok_or("it has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.split_whitespace().find(|word| word.contains("://"));
        Ok(address.ok_or_else(|| format!("it does not say where it publishes: {line}"))?.to_owned())
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}
