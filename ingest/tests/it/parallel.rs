//! Runs several cases at once: they mostly wait for brokers and processes.

use std::sync::atomic::{AtomicUsize, Ordering};

const LANES: usize = 4;

/// Runs the cases, and returns their results in the same order.
pub(crate) fn run_cases<C: Sync, E: Send>(cases: &[C], case: impl Fn(&C) -> E + Sync) -> Vec<E> {
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut ended = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match cases.get(at) {
                Some(it) => ended.push((at, case(it))),
                None => return ended,
            }
        }
    };
    let mut ended: Vec<(usize, E)> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .flat_map(|lane| lane.join().unwrap())
            .collect()
    });
    ended.sort_by_key(|(at, _)| *at);
    ended.into_iter().map(|(_, ended)| ended).collect()
}
