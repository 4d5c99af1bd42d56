package org.backpropninja.check;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.layers.LayerConstraint;

/**
 * A constraint that tells how often it is applied: it halves the parameters.
 *
 * <p>DL4J's own base class for constraints applies each twice.
 */
final class Halving implements LayerConstraint {

  private static final long serialVersionUID = 1;

  private Set<String> params;

  Halving(Collection<String> params) {
    this.params = new HashSet<>(params);
  }

  @Override
  public void applyConstraint(Layer layer, int iteration, int epoch) {
    params.forEach(key -> layer.getParam(key).divi(2));
  }

  @Override
  public void setParams(Set<String> params) {
    this.params = params;
  }

  @Override
  public Set<String> getParams() {
    return params;
  }

  @Override
  public Halving clone() {
    return new Halving(params);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Halving o && params.equals(o.params);
  }

  @Override
  public int hashCode() {
    return params.hashCode();
  }
}
