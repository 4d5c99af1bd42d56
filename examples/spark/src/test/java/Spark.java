import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Spark for a test, on as many threads as there are to be workers. */
final class Spark {

  private Spark() {}

  static JavaSparkContext local(int workers) {
    return new JavaSparkContext(
        new SparkConf()
            .setAppName("test")
            .setMaster("local[" + workers + "]")
            .set("spark.ui.enabled", "false")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.driver.host", "127.0.0.1"));
  }
}
