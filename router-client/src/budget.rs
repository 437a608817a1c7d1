//! What the requests of one client may take: how many calls in flight, and how many bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The two bounds and what is taken of them; taken by callers, given back by whoever drops the holder.
#[derive(Debug)]
pub(crate) struct Budget {
    calls: AtomicUsize,
    bytes: AtomicUsize,
    max_calls: usize,
    max_bytes: usize,
}

/// One call in flight, from its start to its outcome.
#[derive(Debug)]
pub(crate) struct CallPermit(Arc<Budget>);

/// Bytes of a request, counted until the last reference is gone: libzmq drops its own when they are written.
#[derive(Debug, Default)]
pub(crate) struct HeldBytes {
    bytes: Vec<u8>,
    budget: Option<Arc<Budget>>,
}

impl Budget {
    pub(crate) fn new(max_calls: usize, max_bytes: usize) -> Arc<Budget> {
        Arc::new(Budget { calls: AtomicUsize::new(0), bytes: AtomicUsize::new(0), max_calls, max_bytes })
    }

    /// Takes room for one call; the error says which bound is reached.
    pub(crate) fn take_call(self: &Arc<Self>) -> Result<CallPermit, String> {
        if take(&self.calls, 1, self.max_calls) {
            return Ok(CallPermit(Arc::clone(self)));
        }
        Err(format!("this client has {} calls in flight, its limit; wait for some of them", self.max_calls))
    }

    /// Takes room for `bytes`; the error says which bound is reached.
    pub(crate) fn hold(self: &Arc<Self>, bytes: Vec<u8>) -> Result<HeldBytes, String> {
        if take(&self.bytes, bytes.len(), self.max_bytes) {
            return Ok(HeldBytes { bytes, budget: Some(Arc::clone(self)) });
        }
        let (more, limit) = (bytes.len(), self.max_bytes);
        Err(format!(
            "the requests of this client that have not left, with {more} bytes more, go beyond {limit} bytes"
        ))
    }

    /// Takes room for bytes that had room before and lose it as soon as their other holder is dropped.
    pub(crate) fn hold_again(self: &Arc<Self>, bytes: Vec<u8>) -> HeldBytes {
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        HeldBytes { bytes, budget: Some(Arc::clone(self)) }
    }
}

fn take(taken: &AtomicUsize, more: usize, limit: usize) -> bool {
    let add = |taken: usize| taken.checked_add(more).filter(|sum| *sum <= limit);
    taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for HeldBytes {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.bytes.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let budget = Budget::new(1, 10);
        let call = budget.take_call().unwrap();
        assert!(budget.take_call().unwrap_err().contains("1 calls in flight"));
        drop(call);
        budget.take_call().unwrap();

        let held = budget.hold(vec![0; 6]).unwrap();
        assert!(budget.hold(vec![0; 5]).unwrap_err().contains("beyond 10 bytes"));
        let again = budget.hold_again(held.as_ref().to_vec());
        drop(held);
        let rest = budget.hold(vec![0; 4]).unwrap();
        drop((again, rest));
        assert!(budget.hold(vec![0; 10]).is_ok());
    }
}
