//! Frames through iceoryx2, with an event for each so that readers sleep in between.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use iceoryx2::prelude::*;

use crate::publishing::Publish;
use crate::reading::Read;
use crate::{Outcome, pattern};

const PATIENCE: Duration = Duration::from_secs(30);
/// Frames that wait for a reader before the oldest is overwritten.
const QUEUED: usize = 4;
const READERS: usize = 8;

/// Publishes frames of `bytes` under the name `address`.
pub(crate) fn source(address: &str, bytes: usize) -> Outcome<Publish> {
    let node = NodeBuilder::new().create::<ipc_threadsafe::Service>()?;
    let frames = frames(&node, address)?;
    let publisher = frames.publisher_builder().initial_max_slice_len(bytes).create()?;
    let event = node.service_builder(&event_name(address)?).event().open_or_create()?;
    let notifier = event.notifier_builder().create()?;
    Ok(Box::new(move |number| {
        let _ = &node;
        let mut frame = publisher.loan_slice_uninit(bytes)?;
        let memory = frame.payload_mut();
        // SAFETY: room for as many bytes, which any value initialises; the pattern writes each of them and reads none.
        let memory =
            unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast::<u8>(), memory.len()) };
        pattern::write(memory, number);
        // SAFETY: every byte has just been written.
        unsafe { frame.assume_init() }.send()?;
        notifier.notify()?;
        Ok(true)
    }))
}

/// Reads frames under the name `address`.
pub(crate) fn sink(address: &str) -> Outcome<Read> {
    let node = NodeBuilder::new().create::<ipc_threadsafe::Service>()?;
    let subscriber = frames(&node, address)?.subscriber_builder().buffer_size(QUEUED).create()?;
    let event = node.service_builder(&event_name(address)?).event().open_or_create()?;
    let listener = RefCell::new(event.listener_builder().create()?);
    Ok(Box::new(move || {
        let _ = &node;
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(frame) = subscriber.receive()? {
                return Ok(pattern::read(frame.payload())?);
            }
            if Instant::now() > end {
                return Err("no frame within 30 s".into());
            }
            // It may return early, and without an event.
            listener.borrow_mut().timed_wait(|_| {}, PATIENCE)?;
        }
    }))
}

type Frames =
    iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc_threadsafe::Service, [u8], ()>;

fn frames(node: &Node<ipc_threadsafe::Service>, address: &str) -> Outcome<Frames> {
    Ok(node
        .service_builder(&address.try_into()?)
        .publish_subscribe::<[u8]>()
        .max_subscribers(READERS)
        .subscriber_max_buffer_size(QUEUED)
        .enable_safe_overflow(true)
        .open_or_create()?)
}

fn event_name(address: &str) -> Outcome<ServiceName> {
    Ok(format!("{address}/event").as_str().try_into()?)
}
