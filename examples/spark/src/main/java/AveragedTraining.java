import java.util.Iterator;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.Serializer;
import org.backpropninja.training.FlatGradientUpdater;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.api.RDDTrainingApproach;
import org.deeplearning4j.spark.api.Repartition;
import org.deeplearning4j.spark.api.TrainingHook;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.nd4j.linalg.dataset.api.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * Rounds of training by DL4J's ParameterAveragingTrainingMaster.
 *
 * <p>In a round each partition is a worker: it takes a copy of the network through its minibatches
 * in their order; then the parameters, running statistics among them, are averaged. DL4J would
 * shuffle and deal the minibatches out anew; here they stay where they are.
 */
final class AveragedTraining {

  private final SparkDl4jMultiLayer onSpark;
  private final int workers;
  private final int averaging;

  /**
   * Wraps a network, which is then trained in place.
   *
   * @param spark with Java serialisation
   * @param network initialised
   * @param workers partitions of a round
   * @param batch examples in each minibatch
   * @param averaging minibatches of each worker in a round
   * @throws IllegalArgumentException if a round has more examples than an int can count
   * @throws IllegalStateException if Spark does not serialise by Java's means
   */
  AveragedTraining(
      JavaSparkContext spark, MultiLayerNetwork network, int workers, int batch, int averaging) {
    requireJavaSerialisation();
    requireCountable(workers, batch, averaging);
    this.workers = workers;
    this.averaging = averaging;
    onSpark = new SparkDl4jMultiLayer(spark, network, settings(workers, batch, averaging).build());
  }

  /** What a round is to DL4J. */
  static ParameterAveragingTrainingMaster.Builder settings(int workers, int batch, int averaging) {
    return new ParameterAveragingTrainingMaster.Builder(workers, batch)
        .batchSizePerWorker(batch)
        .averagingFrequency(averaging)
        .rddTrainingApproach(RDDTrainingApproach.Direct) // not by way of files
        .repartionData(Repartition.Never)
        .storageLevel(null) // or it would cache every round and release none
        .workerPrefetchNumBatches(0)
        .saveUpdater(true)
        .trainingHooks(new WithoutNewArrays());
  }

  /** DL4J multiplies these as ints; past the largest it would cut a round into random pieces. */
  private static void requireCountable(int workers, int batch, int averaging) {
    double examples = (double) workers * batch * averaging;
    if (examples > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "workers (%d) times batch (%d) times averaging (%d) must be at most %d"
              .formatted(workers, batch, averaging, Integer.MAX_VALUE));
    }
  }

  /** Kryo without ND4J's registrator makes arrays without memory, which is seen only on use. */
  static void requireJavaSerialisation() {
    Serializer serializer = SparkEnv.get().serializer();
    if (!(serializer instanceof JavaSerializer)) {
      throw new IllegalStateException(
          "spark.serializer (%s) must be %s: ND4J's arrays do not survive others; leave it unset"
              .formatted(serializer.getClass().getName(), JavaSerializer.class.getName()));
    }
  }

  /** Gives a worker's network, which DL4J makes anew each round, the library's updater. */
  static final class WithoutNewArrays implements TrainingHook {

    @Override
    public void preUpdate(DataSet minibatch, Model network) {
      MultiLayerNetwork own = (MultiLayerNetwork) network;
      if (!(own.getUpdater() instanceof FlatGradientUpdater)) {
        FlatGradientUpdater.install(own);
      }
    }

    @Override
    public void postUpdate(DataSet minibatch, Model network) {}

    @Override
    public void preUpdate(MultiDataSet minibatch, Model network) {
      throw new UnsupportedOperationException("network must be a MultiLayerNetwork");
    }

    @Override
    public void postUpdate(MultiDataSet minibatch, Model network) {}
  }

  /**
   * Trains a round.
   *
   * @param minibatches a partition for each worker, each of as many minibatches as the averaging
   *     says; DL4J would leave out more, and count fewer as if they were as many
   * @return the mean loss of the workers' last minibatches
   * @throws IllegalArgumentException if there are more or fewer partitions; a task fails if it has
   *     more or fewer minibatches
   */
  double round(JavaRDD<org.nd4j.linalg.dataset.DataSet> minibatches) {
    if (minibatches.getNumPartitions() != workers) {
      throw new IllegalArgumentException(
          "minibatches (%d partitions) must have %d, one for each worker"
              .formatted(minibatches.getNumPartitions(), workers));
    }
    int each = averaging;
    onSpark.fit(minibatches.mapPartitions(own -> new Exactly(own, each), true));
    return onSpark.getScore();
  }

  /** A worker's minibatches, which fail unless they are as many as they must be. */
  private static final class Exactly implements Iterator<org.nd4j.linalg.dataset.DataSet> {

    private final Iterator<org.nd4j.linalg.dataset.DataSet> own;
    private final int each;
    private int given;

    Exactly(Iterator<org.nd4j.linalg.dataset.DataSet> own, int each) {
      this.own = own;
      this.each = each;
    }

    @Override
    public boolean hasNext() {
      boolean more = own.hasNext();
      if (more == (given == each)) {
        throw new IllegalStateException(
            "a worker must have %d minibatches in a round, has %s"
                .formatted(each, more ? "more" : given));
      }
      return more;
    }

    @Override
    public org.nd4j.linalg.dataset.DataSet next() {
      given++;
      return own.next();
    }
  }

  /** Computes the mean loss of an example, in inference. */
  double loss(JavaRDD<org.nd4j.linalg.dataset.DataSet> chunks) {
    return onSpark.calculateScore(chunks, true, NamesOnSpark.CHUNK);
  }
}
