import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.gradient.Gradient;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link MyLayerNorm} as it was at first, with two bugs. A network with it still learns, because
 * the layers around it do.
 */
public final class MyLayerNormWithBugs extends MyLayerNorm {

  private static final long serialVersionUID = 1;

  @Override
  MyLayerNormLayer runtime(NeuralNetConfiguration conf, DataType type) {
    return new MyLayerNormLayer(conf, type) {

      /** Forgets the way through the mean. */
      @Override
      INDArray throughStatistics(INDArray dxhat) {
        return dxhat.sub(xhat().mulColumnVector(dxhat.mul(xhat()).mean(true, 1)));
      }

      /** Hands the gradient over, and leaves its view in the network's flat array as it was. */
      @Override
      void put(Gradient gradient, String key, INDArray value) {
        gradient.setGradientFor(key, value);
      }
    };
  }
}
