//! A thread of its own publishes pictures at its own pace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use examples::pushed::Frame;
use router_server::{PublishError, Publisher, RouterServer};

const HEIGHT: usize = 480;
const WIDTH: usize = 640;

/// Publishes until told otherwise: pixel values count the pictures.
fn acquire(mut frames: Publisher<Frame>, ended: &AtomicBool) -> Result<(), PublishError> {
    let mut number = 0_u8;
    while !ended.load(Ordering::Relaxed) {
        let frame = Frame { height: HEIGHT, width: WIDTH, pixels: vec![number; HEIGHT * WIDTH] };
        frames.publish(&frame)?;
        number = number.wrapping_add(1);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    let largest_sample_bytes = HEIGHT * WIDTH + 100;
    let frames = server.add_publisher::<Frame>("camera.frame", largest_sample_bytes)?;
    let ended = AtomicBool::new(false);

    std::thread::scope(|threads| {
        threads.spawn(|| acquire(frames, &ended));
        println!("serving {}; Enter ends it", server.endpoints().calls);
        let entered = std::io::stdin().read_line(&mut String::new());
        ended.store(true, Ordering::Relaxed);
        entered
    })?;
    println!("{}", server.stop());
    Ok(())
}
