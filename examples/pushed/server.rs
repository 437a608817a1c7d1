//! A thread of its own publishes pictures at its own pace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use router_frame::{Frame, FrameInfo, FrameWriter, PixelFormat};
use router_server::{Publisher, RouterServer};

/// Publishes until told otherwise: pixel values count the pictures.
fn acquire(
    mut frames: Publisher<Frame>,
    info: &FrameInfo,
    ended: &AtomicBool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut writer, mut number) = (FrameWriter::new(), 0_u8);
    while !ended.load(Ordering::Relaxed) {
        let mut open = writer.begin(info)?;
        open.bytes_mut().fill(number);
        frames.publish(&open.finish()?)?;
        number = number.wrapping_add(1);
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    let info = FrameInfo::new(PixelFormat::Mono8, 480, 640);
    let largest_sample_bytes = info.payload_bytes()?;
    let frames = server.add_publisher::<Frame>("camera.frame", largest_sample_bytes)?;
    let ended = AtomicBool::new(false);

    std::thread::scope(|threads| {
        threads.spawn(|| acquire(frames, &info, &ended));
        println!("serving {}; Enter ends it", server.endpoints().calls);
        let entered = std::io::stdin().read_line(&mut String::new());
        ended.store(true, Ordering::Relaxed);
        entered
    })?;
    println!("{}", server.stop());
    Ok(())
}
