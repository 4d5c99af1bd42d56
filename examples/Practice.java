import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Backprop by hand, for you to write: the 26 gradients of one step of the character network.
 *
 * <p>Each method returns the loss's gradient with respect to the tensor it is named after, in that
 * tensor's shape; {@code null} is one that is not written yet. The comment above a method is the
 * part of the forward pass that uses the tensor. Replace one {@code null} after the other, and run
 *
 * <pre>mvn -q test-compile exec:exec -Dexample=Practice</pre>
 *
 * <p>A parameter is given the array of its name. You may add parameters: any tensor of the network,
 * and the gradient of any method further up.
 *
 * <p>There are n = 32 examples of T = 3 characters, V = 27 classes, D = 10 numbers an embedding
 * vector and H = 64 hidden units. Source: the notebook "makemore part 4: becoming a backprop
 * ninja", exercise 1. Solution: the package {@code org.backpropninja.stepwise}.
 */
public class Practice {

  // loss = −(1/n) · Σ over i of logprobs[i, yb[i]]; logprobs [n, V], yb [n, 1]
  INDArray dlogprobs(INDArray logprobs, INDArray yb) {
    return null;
  }

  // logprobs = log(probs); logprobs, probs [n, V]
  INDArray dprobs(INDArray probs, INDArray dlogprobs) {
    return null;
  }

  // probs = counts · countsSumInv; probs, counts [n, V], countsSumInv [n, 1]
  INDArray dcountsSumInv(INDArray counts, INDArray dprobs) {
    return null;
  }

  // countsSumInv = countsSum^−1; countsSumInv, countsSum [n, 1]
  INDArray dcountsSum(INDArray countsSum, INDArray dcountsSumInv) {
    return null;
  }

  // probs = counts · countsSumInv, countsSum = Σ over columns of counts; probs, counts [n, V]
  INDArray dcounts(INDArray countsSumInv, INDArray dprobs, INDArray dcountsSum) {
    return null;
  }

  // counts = exp(normLogits); counts, normLogits [n, V]
  INDArray dnormLogits(INDArray counts, INDArray dcounts) {
    return null;
  }

  // normLogits = logits − logitMaxes; normLogits, logits [n, V], logitMaxes [n, 1]
  INDArray dlogitMaxes(INDArray dnormLogits) {
    return null;
  }

  // normLogits = logits − logitMaxes, logitMaxes = max over columns of logits; logits [n, V]
  // (dlogitMaxes is so small that the row is right without it, but then not exact)
  INDArray dlogits(INDArray logits, INDArray dnormLogits, INDArray dlogitMaxes) {
    return null;
  }

  // logits = h × W2 + b2; logits [n, V], h [n, H], W2 [H, V]
  INDArray dh(INDArray w2, INDArray dlogits) {
    return null;
  }

  // logits = h × W2 + b2; logits [n, V], h [n, H], W2 [H, V]
  INDArray dW2(INDArray h, INDArray dlogits) {
    return null;
  }

  // logits = h × W2 + b2; logits [n, V], b2 [1, V]
  INDArray db2(INDArray dlogits) {
    return null;
  }

  // h = tanh(hpreact); h, hpreact [n, H]
  INDArray dhpreact(INDArray h, INDArray dh) {
    return null;
  }

  // hpreact = bngain · bnraw + bnbias; hpreact, bnraw [n, H], bngain [1, H]
  INDArray dbngain(INDArray bnraw, INDArray dhpreact) {
    return null;
  }

  // hpreact = bngain · bnraw + bnbias; hpreact [n, H], bnbias [1, H]
  INDArray dbnbias(INDArray dhpreact) {
    return null;
  }

  // hpreact = bngain · bnraw + bnbias; hpreact, bnraw [n, H], bngain [1, H]
  INDArray dbnraw(INDArray bngain, INDArray dhpreact) {
    return null;
  }

  // bnraw = bndiff · bnvarInv; bnraw, bndiff [n, H], bnvarInv [1, H]
  INDArray dbnvarInv(INDArray bndiff, INDArray dbnraw) {
    return null;
  }

  // bnvarInv = (bnvar + 1e-5)^−½; bnvarInv, bnvar [1, H]
  INDArray dbnvar(INDArray bnvar, INDArray dbnvarInv) {
    return null;
  }

  // bnvar = 1/(n−1) · Σ over rows of bndiff2; bnvar [1, H], bndiff2 [n, H]
  INDArray dbndiff2(INDArray bndiff2, INDArray dbnvar) {
    return null;
  }

  // bnraw = bndiff · bnvarInv, bndiff2 = bndiff²; bnraw, bndiff, bndiff2 [n, H], bnvarInv [1, H]
  INDArray dbndiff(INDArray bndiff, INDArray bnvarInv, INDArray dbnraw, INDArray dbndiff2) {
    return null;
  }

  // bndiff = hprebn − bnmeani; bndiff, hprebn [n, H], bnmeani [1, H]
  INDArray dbnmeani(INDArray dbndiff) {
    return null;
  }

  // bndiff = hprebn − bnmeani, bnmeani = 1/n · Σ over rows of hprebn; hprebn [n, H]
  INDArray dhprebn(INDArray dbndiff, INDArray dbnmeani) {
    return null;
  }

  // hprebn = embcat × W1 + b1; hprebn [n, H], embcat [n, T·D], W1 [T·D, H]
  INDArray dembcat(INDArray w1, INDArray dhprebn) {
    return null;
  }

  // hprebn = embcat × W1 + b1; hprebn [n, H], embcat [n, T·D], W1 [T·D, H]
  INDArray dW1(INDArray embcat, INDArray dhprebn) {
    return null;
  }

  // hprebn = embcat × W1 + b1; hprebn [n, H], b1 [1, H]
  INDArray db1(INDArray dhprebn) {
    return null;
  }

  // embcat = emb in another shape; embcat [n, T·D], emb [n, T, D]
  INDArray demb(INDArray emb, INDArray dembcat) {
    return null;
  }

  // emb[i, t] = C[xb[i, t]]; emb [n, T, D], C [V, D], xb [n, T]
  INDArray dC(INDArray c, INDArray xb, INDArray demb) {
    return null;
  }

  /**
   * Prints the table: status 0, also of one that is half done; 2 if the arguments cannot be used.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(PracticeCommand.commandLine(new Practice()), args);
  }
}
