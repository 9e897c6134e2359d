use ballista_core::execution_plans::ShuffleWriterExec;
use datafusion::execution::context::SessionContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::collect;

use super::*;
use crate::codec::SluiceCodec;
use crate::distributed::fidelity::check_fidelity;
use crate::session::{base_config, build_session_state};

/// Planning and DataFusion's own conversion recurse; programs run them on stacks of
/// this size.
fn on_large_stack(test: impl Future<Output = ()> + Send + 'static) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(test);
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run);
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

async fn context() -> SessionContext {
    let config = base_config()
        .with_target_partitions(1)
        .set_usize("datafusion.sql_parser.recursion_limit", 400);
    let state = build_session_state(config, Arc::new(RuntimeEnv::default())).unwrap();
    let context = SessionContext::new_with_state(state);
    let table = "CREATE TABLE t (a BIGINT, s STRING) AS VALUES (1, 'x'), (2, 'y')";
    context.sql(table).await.unwrap().collect().await.unwrap();
    context
}

/// Queries whose plans are deep in operators, in terms, and in both.
fn deep_queries() -> Vec<String> {
    let sum = vec!["a"; 60].join(" + ");
    let replaced = (0..45).fold("s".to_owned(), |inner, number| {
        format!("replace({inner}, '{number}', 'b')")
    });
    let branches = (0..40).fold("a".to_owned(), |inner, number| {
        format!("CASE WHEN a = {number} THEN 1 ELSE {inner} END")
    });
    let aggregated = (0..40).fold("SELECT a, s FROM t".to_owned(), |inner, _| {
        format!("SELECT a + 1 AS a, max(s) AS s FROM ({inner}) GROUP BY a")
    });
    vec![
        format!("SELECT {sum} AS x, {replaced} AS y, {branches} AS z FROM t"),
        format!("SELECT * FROM ({aggregated}) WHERE {sum} > 0"),
    ]
}

fn encode_as_ballista(root: &Arc<dyn ExecutionPlan>) -> Vec<u8> {
    let mut bytes = Vec::new();
    PhysicalPlanNode::try_from_physical_plan(Arc::clone(root), &SluiceCodec::new())
        .unwrap()
        .try_encode(&mut bytes)
        .unwrap();
    bytes
}

fn stage_of(plan: Arc<dyn ExecutionPlan>, folder: &std::path::Path) -> Arc<dyn ExecutionPlan> {
    let folder = folder.display().to_string();
    let writer = ShuffleWriterExec::try_new("job".to_owned().into(), 1, plan, folder);
    Arc::new(writer.unwrap())
}

async fn rows(plan: &Arc<dyn ExecutionPlan>, context: &SessionContext) -> Vec<String> {
    let batches = collect(Arc::clone(plan), context.task_ctx()).await.unwrap();
    let text = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap();
    let mut lines: Vec<String> = text.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn deep_stages_are_the_same_on_executors() {
    on_large_stack(async {
        let context = context().await;
        let folder = tempfile::tempdir().unwrap();
        for query in deep_queries() {
            let frame = context.sql(&query).await.unwrap();
            let plan = frame.create_physical_plan().await.unwrap();
            check_fidelity(&plan, &context.task_ctx()).unwrap();
            let bytes = encode_as_ballista(&stage_of(Arc::clone(&plan), folder.path()));
            let root = TaskPlan::try_decode(&bytes)
                .unwrap()
                .try_into_physical_plan(&context.task_ctx(), &SluiceCodec::new())
                .unwrap();
            assert!(root.is::<ShuffleWriterExec>(), "{root:?}");
            let sent = Arc::clone(root.children()[0]);
            assert_eq!(rows(&sent, &context).await, rows(&plan, &context).await);
        }
    });
}

/// When prost decodes them, the fragments can go.
#[test]
fn deep_stages_cannot_be_decoded_without_fragments() {
    on_large_stack(async {
        let context = context().await;
        let folder = tempfile::tempdir().unwrap();
        for query in deep_queries() {
            let frame = context.sql(&query).await.unwrap();
            let plan = frame.create_physical_plan().await.unwrap();
            let bytes = encode_as_ballista(&stage_of(plan, folder.path()));
            let error = PhysicalPlanNode::try_decode(&bytes).unwrap_err();
            assert!(
                error.to_string().contains("RecursionLimitReached"),
                "{error}"
            );
        }
    });
}

#[test]
fn shallow_stages_have_no_fragments() {
    on_large_stack(async {
        let context = context().await;
        let folder = tempfile::tempdir().unwrap();
        let query = "SELECT a + 1 AS b, count(*) FROM t WHERE s <> 'x' GROUP BY a + 1";
        let frame = context.sql(query).await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        assert!(!is_deep(&plan).unwrap());
        let bytes = encode_as_ballista(&stage_of(plan, folder.path()));
        assert!(PhysicalPlanNode::try_decode(&bytes).is_ok());
        assert!(TaskPlan::try_decode(&bytes).is_ok());
    });
}

#[test]
fn broken_bytes_are_an_error() {
    assert!(TaskPlan::try_decode(&[0xff, 0x01]).is_err());
    let empty = TaskPlan::try_decode(&[]).unwrap();
    let context = TaskContext::default();
    assert!(
        empty
            .try_into_physical_plan(&context, &SluiceCodec::new())
            .is_err()
    );
}
