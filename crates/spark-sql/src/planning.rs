//! Limits of what is computed while a query is planned.
//!
//! The optimizer evaluates calls whose arguments are constants. It does so in the
//! process that plans, which also serves executors and other jobs:
//! `repeat('x', 1000000000)` would take its memory, and `levenshtein` of two long
//! texts its time. A thread that plans is therefore in a [`PlanningScope`]. In it,
//! functions refuse what is cheap for no one, and long computations ask whether
//! they should stop.
//!
//! The optimizer leaves a call that fails to the tasks, because it may be in a
//! branch that is never taken. The refusal is kept until [`take_refusal`], so that
//! the query can be refused before anything runs.

use std::cell::RefCell;
use std::marker::PhantomData;

use datafusion::error::{DataFusionError, Result};

/// The most bytes of a constant.
pub const MAX_CONSTANT_BYTES: usize = 16 << 20;

/// How often a function may repeat its innermost step for one constant: about a
/// second.
const MAX_CONSTANT_STEPS: usize = 200_000_000;

/// Constants of this size are worth the question whether planning should stop.
const LARGE_CONSTANT_BYTES: usize = 64 << 10;

thread_local! {
    static SCOPE: RefCell<Option<ScopeState>> = const { RefCell::new(None) };
}

type StopReason = Box<dyn Fn() -> Option<String>>;

struct ScopeState {
    stop_reason: StopReason,
    /// The first refusal since the last [`take_refusal`].
    refusal: Option<Refusal>,
}

/// What a function refused to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The function's name.
    pub function: String,
    /// What is too much, without a full stop.
    pub message: String,
}

/// While it exists, its thread plans.
#[derive(Debug)]
pub struct PlanningScope {
    /// The scope belongs to one thread.
    not_send: PhantomData<*const ()>,
}

impl PlanningScope {
    /// Begins a scope in this thread. `stop_reason` says why planning should stop;
    /// it is asked often, so it must be cheap.
    pub fn enter(stop_reason: impl Fn() -> Option<String> + 'static) -> Self {
        SCOPE.replace(Some(ScopeState {
            stop_reason: Box::new(stop_reason),
            refusal: None,
        }));
        Self {
            not_send: PhantomData,
        }
    }
}

impl Drop for PlanningScope {
    fn drop(&mut self) {
        SCOPE.take();
    }
}

/// An error when planning should stop. It never fails in a thread that does not
/// plan.
///
/// # Errors
/// With the reason.
pub fn check_stop() -> Result<()> {
    let reason = SCOPE.with_borrow(|scope| scope.as_ref().and_then(|scope| (scope.stop_reason)()));
    match reason {
        Some(reason) => Err(DataFusionError::ResourcesExhausted(reason)),
        None => Ok(()),
    }
}

/// What a function refused to compute in this thread since the last call.
pub fn take_refusal() -> Option<Refusal> {
    SCOPE.with_borrow_mut(|scope| scope.as_mut()?.refusal.take())
}

/// An error when `function` would make or read a constant of `bytes` bytes in a
/// thread that plans, and that is too much. To be called before the memory is taken.
pub(crate) fn check_constant_bytes(function: &str, bytes: usize) -> Result<()> {
    if bytes > MAX_CONSTANT_BYTES {
        return refuse(function, || {
            format!(
                "`{function}` of constants has {bytes} bytes to read or to make; constants have at \
                 most {MAX_CONSTANT_BYTES}"
            )
        });
    }
    if bytes >= LARGE_CONSTANT_BYTES {
        return check_stop();
    }
    Ok(())
}

/// Whether this thread plans.
pub(crate) fn is_planning() -> bool {
    SCOPE.with_borrow(Option::is_some)
}

/// An error when `function` would need that many steps for a constant in a thread
/// that plans, and that is too much.
pub(crate) fn check_constant_steps(function: &str, steps: usize) -> Result<()> {
    if steps > MAX_CONSTANT_STEPS {
        return refuse(function, || {
            format!(
                "`{function}` of constants needs {steps} steps; at most {MAX_CONSTANT_STEPS} are \
                 made while a job is planned"
            )
        });
    }
    Ok(())
}

/// In a thread that plans: keeps the refusal, and fails with it.
fn refuse(function: &str, message: impl Fn() -> String) -> Result<()> {
    SCOPE.with_borrow_mut(|scope| match scope {
        None => Ok(()),
        Some(scope) => {
            let message = message();
            scope.refusal.get_or_insert_with(|| Refusal {
                function: function.to_owned(),
                message: message.clone(),
            });
            Err(DataFusionError::ResourcesExhausted(message))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_threads_that_plan_have_limits() {
        check_constant_bytes("repeat", usize::MAX).unwrap();
        check_constant_steps("levenshtein", usize::MAX).unwrap();
        check_stop().unwrap();
        assert_eq!(take_refusal(), None);
    }

    #[test]
    fn the_first_refusal_of_a_scope_is_kept_until_it_is_taken() {
        let scope = PlanningScope::enter(|| None);
        check_constant_bytes("space", MAX_CONSTANT_BYTES).unwrap();
        let error = check_constant_bytes("space", MAX_CONSTANT_BYTES + 1).unwrap_err();
        assert!(error.to_string().contains("16777217 bytes"), "{error}");
        check_constant_steps("levenshtein", MAX_CONSTANT_STEPS + 1).unwrap_err();
        assert_eq!(take_refusal().unwrap().function, "space");
        assert_eq!(take_refusal(), None);
        drop(scope);
        check_constant_bytes("space", usize::MAX).unwrap();
    }

    #[test]
    fn large_constants_ask_whether_planning_should_stop() {
        let _scope = PlanningScope::enter(|| Some("it takes too long".to_owned()));
        check_constant_bytes("repeat", LARGE_CONSTANT_BYTES - 1).unwrap();
        check_constant_bytes("repeat", LARGE_CONSTANT_BYTES).unwrap_err();
        let error = check_stop().unwrap_err();
        assert!(error.to_string().contains("it takes too long"));
        // That is no fault of the query.
        assert_eq!(take_refusal(), None);
    }
}
