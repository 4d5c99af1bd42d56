import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;

/** Sums what Spark tells of jobs that have one task each, to the millisecond. */
final class JobTimes extends SparkListener {

  private final long since = System.currentTimeMillis();
  private boolean counts; // the job that runs began since then

  private int jobs;
  private long started; // of the job that runs
  private long finished; // its task
  private long launching;
  private long deserialising;
  private long running;
  private long serialising;
  private long ending;
  private long resultBytes;

  @Override
  public synchronized void onJobStart(SparkListenerJobStart job) {
    counts = job.time() >= since; // events of earlier jobs may come late
    jobs += counts ? 1 : 0;
    started = job.time();
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd task) {
    if (!counts) {
      return;
    }
    TaskMetrics metrics = task.taskMetrics();
    launching += task.taskInfo().launchTime() - started;
    finished = task.taskInfo().finishTime();
    deserialising += metrics.executorDeserializeTime();
    running += metrics.executorRunTime();
    serialising += metrics.resultSerializationTime();
    resultBytes += metrics.resultSize();
  }

  @Override
  public synchronized void onJobEnd(SparkListenerJobEnd job) {
    ending += counts ? job.time() - finished : 0;
  }

  /** What it is, and how much in a round; whole only when the context is closed. */
  synchronized Map<String, Double> means(int rounds) {
    Map<String, Double> rows = new LinkedHashMap<>();
    rows.put("jobs", (double) jobs / rounds);
    rows.put("from the start of a job to its task", (double) launching / rounds);
    rows.put("task sent and deserialised", (double) deserialising / rounds);
    rows.put("task runs", (double) running / rounds);
    rows.put("result serialised", (double) serialising / rounds);
    rows.put("from the end of a task to that of its job", (double) ending / rounds);
    rows.put("results, KiB", resultBytes / 1024.0 / rounds);
    return rows;
  }
}
