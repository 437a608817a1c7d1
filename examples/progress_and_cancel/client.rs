//! Watches a call's progress, cancels it, and lets a deadline end another.

use std::time::Duration;

use router_client::{CallError, RouterClient};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;

    let exposing = client.call::<u32>("camera.expose", (10,)).start();
    while let Some(progress) = exposing.progress_timeout(Duration::from_secs(5)) {
        println!("{:3.0} % {}", 100.0 * progress.fraction, progress.message);
    }
    println!("{} pictures", exposing.wait()?);

    // A second one waits behind the first on the camera's lane, and never starts.
    let endless = client.call::<u32>("camera.expose", (1_000_000,)).start();
    let waiting = client.call::<u32>("camera.expose", (1,)).start();
    endless.progress_timeout(Duration::from_secs(5)).ok_or("it did not begin")?;
    waiting.cancel();
    println!("{}", waiting.wait().err().ok_or("it ran")?);
    endless.cancel();
    println!("{}", endless.wait().err().ok_or("it ended")?);

    let late = client.call::<u32>("camera.expose", (1_000_000,)).deadline(Duration::from_millis(200)).wait();
    match late {
        Err(error @ CallError::DeadlineExceeded { .. }) => println!("{error}"),
        other => return Err(format!("expected a deadline, got {other:?}").into()),
    }
    Ok(())
}
