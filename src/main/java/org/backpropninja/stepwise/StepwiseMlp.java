package org.backpropninja.stepwise;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The notebooks' character network as one chain of small steps, with all 26 values and gradients.
 *
 * <p>Embedding, affine, batch norm, tanh, affine, cross entropy. n examples with T indices each
 * become [n, T·D] numbers, [n, H] hidden units and [n, V] logits. Source: the notebook "makemore
 * part 4: becoming a backprop ninja", exercise 1.
 */
public final class StepwiseMlp {

  /**
   * What the network learns.
   *
   * @param c the embedding table C, [V, D]
   * @param w1 hidden weights, [T·D, H]
   * @param b1 hidden bias, [1, H]; batch norm takes it out again
   * @param w2 output weights, [H, V]
   * @param b2 output bias, [1, V]
   * @param bngain batch norm's gain, [1, H]
   * @param bnbias batch norm's bias, [1, H]
   */
  public record Parameters(
      INDArray c,
      INDArray w1,
      INDArray b1,
      INDArray w2,
      INDArray b2,
      INDArray bngain,
      INDArray bnbias) {}

  private final Parameters parameters;
  private final EmbeddingSteps embedding;
  private final AffineSteps hidden;
  private final BatchNormSteps batchNorm;
  private final TanhSteps activation;
  private final AffineSteps output;
  private final CrossEntropySteps crossEntropy;

  private StepwiseMlp(Parameters p, INDArray xb, INDArray yb) {
    parameters = p;
    embedding = EmbeddingSteps.forward(p.c(), xb);
    hidden = AffineSteps.forward(embedding.embcat(), p.w1(), p.b1());
    batchNorm = BatchNormSteps.forward(hidden.y(), p.bngain(), p.bnbias());
    activation = TanhSteps.forward(batchNorm.hpreact());
    output = AffineSteps.forward(activation.h(), p.w2(), p.b2());
    crossEntropy = CrossEntropySteps.ofClasses(output.y(), yb);
  }

  /**
   * Runs the forward pass.
   *
   * @param parameters all of one type, FLOAT or DOUBLE
   * @param xb the contexts, [n, T], n ≥ 2
   * @param yb the class that follows each context, [n, 1]
   * @return the network with every value
   * @throws IllegalArgumentException if ranks, sizes or types do not fit, or an index is out of
   *     range
   */
  public static StepwiseMlp forward(Parameters parameters, INDArray xb, INDArray yb) {
    return new StepwiseMlp(parameters, xb, yb);
  }

  /**
   * The mean cross entropy of the minibatch.
   *
   * @return the loss
   */
  public double loss() {
    return crossEntropy.loss();
  }

  /**
   * The 26 tensors under the notebooks' names, from the loss back to the table.
   *
   * @return values in the order in which the notebooks compare their gradients
   */
  public Map<String, INDArray> values() {
    Map<String, INDArray> values = new LinkedHashMap<>();
    values.put("logprobs", crossEntropy.logprobs());
    values.put("probs", crossEntropy.probs());
    values.put("counts_sum_inv", crossEntropy.countsSumInv());
    values.put("counts_sum", crossEntropy.countsSum());
    values.put("counts", crossEntropy.counts());
    values.put("norm_logits", crossEntropy.normLogits());
    values.put("logit_maxes", crossEntropy.logitMaxes());
    values.put("logits", output.y());
    values.put("h", activation.h());
    values.put("W2", parameters.w2());
    values.put("b2", parameters.b2());
    values.put("hpreact", batchNorm.hpreact());
    values.put("bngain", parameters.bngain());
    values.put("bnbias", parameters.bnbias());
    values.put("bnraw", batchNorm.bnraw());
    values.put("bnvar_inv", batchNorm.bnvarInv());
    values.put("bnvar", batchNorm.bnvar());
    values.put("bndiff2", batchNorm.bndiff2());
    values.put("bndiff", batchNorm.bndiff());
    values.put("bnmeani", batchNorm.bnmeani());
    values.put("hprebn", hidden.y());
    values.put("embcat", embedding.embcat());
    values.put("W1", parameters.w1());
    values.put("b1", parameters.b1());
    values.put("emb", embedding.emb());
    values.put("C", parameters.c());
    return Collections.unmodifiableMap(values);
  }

  /**
   * Runs the backward pass.
   *
   * @return the loss's gradient with respect to each of {@link #values()}, under the same names and
   *     in the same order and shapes
   */
  public Map<String, INDArray> gradients() {
    Map<String, INDArray> gradients = new LinkedHashMap<>();
    INDArray dlogits = crossEntropyGradients(gradients);
    AffineSteps.Gradients d2 = output.backward(dlogits);
    gradients.put("h", d2.dx());
    gradients.put("W2", d2.dw());
    gradients.put("b2", d2.db());
    INDArray dhprebn = batchNormGradients(activation.backward(d2.dx()), gradients);
    AffineSteps.Gradients d1 = hidden.backward(dhprebn);
    gradients.put("embcat", d1.dx());
    gradients.put("W1", d1.dw());
    gradients.put("b1", d1.db());
    EmbeddingSteps.Gradients d0 = embedding.backward(d1.dx());
    gradients.put("emb", d0.demb());
    gradients.put("C", d0.dc());
    return Collections.unmodifiableMap(gradients);
  }

  private INDArray crossEntropyGradients(Map<String, INDArray> gradients) {
    CrossEntropySteps.Gradients d = crossEntropy.backward(1);
    gradients.put("logprobs", d.dlogprobs());
    gradients.put("probs", d.dprobs());
    gradients.put("counts_sum_inv", d.dcountsSumInv());
    gradients.put("counts_sum", d.dcountsSum());
    gradients.put("counts", d.dcounts());
    gradients.put("norm_logits", d.dnormLogits());
    gradients.put("logit_maxes", d.dlogitMaxes());
    gradients.put("logits", d.dlogits());
    return d.dlogits();
  }

  private INDArray batchNormGradients(INDArray dhpreact, Map<String, INDArray> gradients) {
    BatchNormSteps.Gradients d = batchNorm.backward(dhpreact);
    gradients.put("hpreact", dhpreact);
    gradients.put("bngain", d.dbngain());
    gradients.put("bnbias", d.dbnbias());
    gradients.put("bnraw", d.dbnraw());
    gradients.put("bnvar_inv", d.dbnvarInv());
    gradients.put("bnvar", d.dbnvar());
    gradients.put("bndiff2", d.dbndiff2());
    gradients.put("bndiff", d.dbndiff());
    gradients.put("bnmeani", d.dbnmeani());
    gradients.put("hprebn", d.dhprebn());
    return d.dhprebn();
  }
}
