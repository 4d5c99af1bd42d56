import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Spark in this process, on the loopback interface, for measurements and tests. */
final class Spark {

  private Spark() {}

  /** On as many threads as there are to be workers. */
  static JavaSparkContext local(int workers) {
    return of("local[" + workers + "]");
  }

  /** Where a task may fail once, too. */
  static JavaSparkContext retrying(int workers) {
    return of("local[" + workers + ", 2]");
  }

  private static JavaSparkContext of(String master) {
    return new JavaSparkContext(
        new SparkConf()
            .setAppName("local")
            .setMaster(master)
            .set("spark.ui.enabled", "false")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.driver.host", "127.0.0.1"));
  }
}
