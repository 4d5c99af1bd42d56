import static org.bytedeco.pytorch.global.torch.addmm;
import static org.bytedeco.pytorch.global.torch.embedding;
import static org.bytedeco.pytorch.global.torch.embedding_dense_backward;
import static org.bytedeco.pytorch.global.torch.log_softmax;
import static org.bytedeco.pytorch.global.torch.manual_seed;
import static org.bytedeco.pytorch.global.torch.mm;
import static org.bytedeco.pytorch.global.torch.native_batch_norm;
import static org.bytedeco.pytorch.global.torch.native_batch_norm_backward;
import static org.bytedeco.pytorch.global.torch.nll_loss;
import static org.bytedeco.pytorch.global.torch.randint;
import static org.bytedeco.pytorch.global.torch.set_num_threads;
import static org.bytedeco.pytorch.global.torch.softmax;
import static org.bytedeco.pytorch.global.torch.tanh_backward;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/**
 * The fastest other way that was found on the JVM: LibTorch's fused operations, without autograd.
 *
 * <p>Answers {@code step libtorch draw:NxH MILLISECONDS} by microseconds a step, on names.txt with
 * minibatches drawn at random, and the loss of some examples before the network's first step and
 * after its last. Batch norm divides by n, as LibTorch's does.
 */
public final class LibTorchCharMlp {

  private static final int V = 27;
  private static final int D = 10;
  private static final int T = 3;
  private static final int EXAMPLES = 4096; // whose loss is reported
  private static final double EPSILON = 1e-5;
  private static final Scalar MINUS_LEARNING_RATE = new Scalar(-0.1);

  private final int n;
  private final Random random = new Random(1);
  private final Tensor C = normal(1, 0, V, D);
  private final Tensor W1;
  private final Tensor b1;
  private final Tensor gain;
  private final Tensor bias;
  private final Tensor W2;
  private final Tensor b2 = normal(0.1, 0, V);
  private final Tensor minusOneNth; // [n, 1]
  private final BoolPointer all = new BoolPointer(3); // of the three gradients of batch norm
  private final TensorOptional none = new TensorOptional();
  private final Tensor X; // [examples, T]
  private final Tensor Y;

  private LibTorchCharMlp(int n, int H) throws IOException {
    this.n = n;
    for (int k = 0; k < 3; k++) {
      all.put(k, true);
    }
    W1 = normal(5 / 3.0 / Math.sqrt(T * D), 0, T * D, H);
    b1 = normal(0.1, 0, H);
    gain = normal(0.1, 1, H);
    bias = normal(0.1, 0, H);
    W2 = normal(0.1, 0, H, V);
    minusOneNth = normal(0, -1.0 / n, n, 1);
    String text = Files.readString(Path.of("names.txt"));
    int examples = text.length() / 5 * 4; // the first 80 % of its characters, a line's end included
    long[] contexts = new long[examples * T];
    long[] labels = new long[examples];
    for (int i = 0; i < examples; i++) {
      labels[i] = code(text, i);
      for (int t = T - 1, k = i - 1; t >= 0 && code(text, k) != 0; t--, k--) {
        contexts[i * T + t] = code(text, k);
      }
    }
    X = Tensor.create(contexts, examples, T);
    Y = Tensor.create(labels, examples);
  }

  /** 1 to 26 for a to z, 0 at the end of a name and before the first. */
  private static long code(String text, int i) {
    return i < 0 || text.charAt(i) == '\n' ? 0 : text.charAt(i) - 'a' + 1;
  }

  private Tensor normal(double scale, double shift, long... shape) {
    int count = 1;
    for (long size : shape) {
      count *= (int) size;
    }
    float[] values = new float[count];
    for (int k = 0; k < count; k++) {
      values[k] = (float) (shift + scale * random.nextGaussian());
    }
    return Tensor.create(values, shape);
  }

  private void step() {
    Tensor ix = randint(X.size(0), new long[] {n});
    Tensor x = X.index_select(0, ix);
    Tensor y = Y.index_select(0, ix);

    Tensor embcat = embedding(C, x).view(n, T * D);
    Tensor hprebn = addmm(b1, embcat, W1);
    T_TensorTensorTensor_T norm = batchNorm(hprebn);
    Tensor h = norm.get0().tanh();
    Tensor logits = addmm(b2, h, W2);

    Tensor dlogits = softmax(logits, 1).mul_(new Scalar(1.0 / n));
    dlogits.scatter_add_(1, y.view(n, 1), minusOneNth);
    Tensor dhpreact = tanh_backward(mm(dlogits, W2.t()), h);
    T_TensorTensorTensor_T dnorm =
        native_batch_norm_backward(
            dhpreact,
            hprebn,
            new TensorOptional(gain),
            none,
            none,
            new TensorOptional(norm.get1()),
            new TensorOptional(norm.get2()),
            true,
            EPSILON,
            all);
    Tensor dhprebn = dnorm.get0();
    Tensor demb = mm(dhprebn, W1.t()).view(n, T, D);

    W2.add_(mm(h.t(), dlogits), MINUS_LEARNING_RATE);
    b2.add_(dlogits.sum(0), MINUS_LEARNING_RATE);
    gain.add_(dnorm.get1(), MINUS_LEARNING_RATE);
    bias.add_(dnorm.get2(), MINUS_LEARNING_RATE);
    W1.add_(mm(embcat.t(), dhprebn), MINUS_LEARNING_RATE);
    b1.add_(dhprebn.sum(0), MINUS_LEARNING_RATE);
    C.add_(embedding_dense_backward(demb, x, V, -1, false), MINUS_LEARNING_RATE);
  }

  /** hpreact, and of each column of hprebn the mean and 1/std. */
  private T_TensorTensorTensor_T batchNorm(Tensor hprebn) {
    TensorOptional weight = new TensorOptional(gain);
    return native_batch_norm(
        hprebn, weight, new TensorOptional(bias), none, none, true, 0.1, EPSILON);
  }

  private double lossOfFirst(int count) {
    try (PointerScope scope = new PointerScope()) {
      Tensor embcat = embedding(C, X.narrow(0, 0, count)).view(count, T * D);
      Tensor h = batchNorm(addmm(b1, embcat, W1)).get0().tanh();
      return nll_loss(log_softmax(addmm(b2, h, W2), 1), Y.narrow(0, 0, count)).item_float();
    }
  }

  private double microseconds(int milliseconds) {
    long start = System.nanoTime();
    long end = start + milliseconds * 1_000_000L;
    long now;
    int steps = 0;
    do {
      try (PointerScope scope = new PointerScope()) {
        step();
      }
      steps++;
      now = System.nanoTime();
    } while (now < end);
    return (now - start) / 1e3 / steps;
  }

  /**
   * Answers until its input ends.
   *
   * @param args none
   */
  public static void main(String[] args) throws IOException {
    set_num_threads(1);
    manual_seed(1);
    InferenceMode noAutograd = new InferenceMode();
    BufferedReader requests =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    LibTorchCharMlp network = null;
    String task = null;
    double before = 0;
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      String[] request = line.split(" ");
      if (!request[2].equals(task)) {
        task = request[2];
        String[] sizes = task.substring("draw:".length()).split("x");
        network = new LibTorchCharMlp(Integer.parseInt(sizes[0]), Integer.parseInt(sizes[1]));
        before = network.lossOfFirst(EXAMPLES);
      }
      double microseconds = network.microseconds(Integer.parseInt(request[3]));
      System.out.printf(
          Locale.ROOT, "%.3f %.4f %.4f%n", microseconds, before, network.lossOfFirst(EXAMPLES));
    }
    noAutograd.close();
  }
}
