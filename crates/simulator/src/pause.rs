//! Blocking code that takes virtual time.
//!
//! What runs on a thread of its own in the product runs here on a stack of its own, as a task of the
//! one thread: so a write or a sync deep inside it can stand still while everybody else goes on, as
//! it does on a real disk. [`OnOwnStack`] is such a task, [`pause`] is how it stands still.

use std::{
    cell::RefCell,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use generator::{Generator, Gn};
use shard::log::BoxFuture;

/// How large such a stack is, in words: recovery and collection call deep in a build without
/// optimisation.
const STACK_WORDS: usize = 64 << 10;

thread_local! {
    /// Wakes the task whose stack is running.
    static WAKER: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// A future that may [`pause`] while it is polled.
pub struct OnOwnStack {
    stack: Generator<'static, (), ()>,
}

impl OnOwnStack {
    /// Runs `work` on a stack of its own.
    #[must_use]
    pub fn new(work: BoxFuture<'static, ()>) -> Self {
        let stack = Gn::new_opt(STACK_WORDS, move || {
            let mut work = work;
            // The same task polls it to its end, so its first waker will do.
            let waker = current_waker();
            while work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                let_others_run();
            }
        });
        Self { stack }
    }
}

impl Future for OnOwnStack {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let outer = WAKER.replace(Some(context.waker().clone()));
        self.stack.resume();
        WAKER.set(outer);
        if self.stack.is_done() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Stands still for so much virtual time, or not at all where nothing runs on a stack of its own.
pub fn pause(time: Duration) {
    if time.is_zero() || !generator::is_generator() {
        return;
    }
    let mut sleep = pin!(tokio::time::sleep(time));
    let waker = current_waker();
    while sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        let_others_run();
    }
}

/// What wakes the task that runs.
fn current_waker() -> Waker {
    WAKER.with_borrow(|waker| waker.clone()).unwrap_or_else(|| Waker::noop().clone())
}

/// Goes back to whoever polled the task.
#[expect(
    deprecated,
    reason = "the way without a scope at hand: the disk is called from deep inside"
)]
fn let_others_run() {
    generator::yield_with(());
}
