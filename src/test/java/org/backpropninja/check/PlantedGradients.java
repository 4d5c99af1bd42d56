package org.backpropninja.check;

import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Bugs for the family {@code gradients}. */
final class PlantedGradients {

  private PlantedGradients() {}

  static List<Planted> all() {
    return List.of(
        Planted.in(
            "gradients.parameters",
            "the gradient of W is twice as large",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dw(INDArray dz) {
                    return super.dw(dz).muli(2);
                  }
                }),
        Planted.in(
            "gradients.parameters",
            "the gradient of b leaves out the last example",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray db(INDArray dz) {
                    return super.db(dz).subi(dz.getRow(dz.rows() - 1));
                  }
                }),
        Planted.in(
            "gradients.input",
            "the error misses the last column of W",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    dz.getColumn(dz.columns() - 1).muli(0);
                    return super.dx(dz);
                  }
                }),
        Planted.in(
            "gradients.layerBelow",
            "above another layer no error is passed down",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    return super.dx(dz).muli(getIndex() == 0 ? 1 : 0);
                  }
                }),
        Planted.in(
            "gradients.computationGraph",
            "the input is kept by activate(input, …), which a graph does not call",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray given;

                  @Override
                  public INDArray activate(
                      INDArray input, boolean training, LayerWorkspaceMgr workspaces) {
                    given = input.dup();
                    return super.activate(input, training, workspaces);
                  }

                  @Override
                  INDArray dw(INDArray dz) {
                    return given.transpose().mmul(dz);
                  }
                }),
        Planted.in(
            "gradients.minibatchSizes",
            "rows of a larger minibatch before take part in the sum of b",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray buffer; // never shrinks

                  @Override
                  INDArray db(INDArray dz) {
                    if (buffer == null || buffer.rows() < dz.rows()) {
                      buffer = dz.dup();
                    } else {
                      buffer
                          .get(NDArrayIndex.interval(0, dz.rows()), NDArrayIndex.all())
                          .assign(dz);
                    }
                    return buffer.sum(true, 0);
                  }
                }),
        Planted.in(
            "gradients.afterTraining",
            "the transpose of W is computed once",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private INDArray transposed;

                  @Override
                  INDArray dx(INDArray dz) {
                    transposed = transposed == null ? w.transpose().dup() : transposed;
                    return dz.mmul(transposed);
                  }
                }),
        Planted.in(
            "gradients.singleExample",
            "the gradient of b is divided by n − 1 and multiplied again",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray db(INDArray dz) {
                    return super.db(dz).divi(dz.rows() - 1).muli(dz.rows() - 1);
                  }
                }),
        new Planted(
            "gradients.singleExample",
            "one example is declared to be refused, but trains",
            () -> Sound.kit().refuses(Feature.SINGLE_EXAMPLE)),
        Planted.in(
            "gradients.notVacuous",
            "the output is multiplied by 0, and its gradients are right",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    return super.forward().muli(0);
                  }

                  @Override
                  INDArray dz(INDArray dy) {
                    return dy.mul(0);
                  }
                }),
        Planted.in("gradients.sharedInput", "the input is not copied", WithoutCopy::new),
        Planted.in(
            "gradients.sharedInput",
            "the input is copied in training only, and a frozen layer computes y again",
            (conf, type) ->
                new WithoutCopy(conf, type) {
                  @Override
                  public INDArray activate(boolean training, LayerWorkspaceMgr workspaces) {
                    input = training ? input.dup() : input;
                    return super.activate(training, workspaces);
                  }

                  @Override
                  INDArray dz(INDArray dy) {
                    y = forward();
                    return super.dz(dy);
                  }
                }),
        Planted.in(
            "gradients.inputLayout",
            "the input's memory is read as if it were in 'c' order",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray keep(INDArray input) {
                    return asInMemory(input);
                  }
                }),
        Planted.in(
            "gradients.inputLayout",
            "what surrounds a view is set to 0",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray keep(INDArray input) {
                    INDArray copy = super.keep(input);
                    if (input.isView() && input.stride(1) == 2) {
                      input.data().assign(0);
                      input.assign(copy);
                    }
                    return copy;
                  }
                }),
        Planted.in(
            "gradients.epsilonLayout",
            "the error's memory is read as if it were in 'c' order",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dz(INDArray dy) {
                    return super.dz(asInMemory(dy));
                  }
                }),
        Planted.in(
            "gradients.linear",
            "the gradient of W is clipped at 20",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dw(INDArray dz) {
                    INDArray dw = super.dw(dz);
                    return Transforms.max(Transforms.min(dw, 20), -20);
                  }
                }),
        Planted.in(
            "gradients.finite",
            "tanh is computed as (e²ᶻ − 1) / (e²ᶻ + 1)",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    INDArray e = Transforms.exp(x.mmul(w).addiRowVector(getParam("b")).muli(2));
                    return e.sub(1).divi(e.add(1));
                  }
                }),
        Planted.in(
            "gradients.finite",
            "the error is divided by the length of its example and multiplied again",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    INDArray length = x.norm2(true, 1);
                    return super.dx(dz).diviColumnVector(length).muliColumnVector(length);
                  }
                }),
        Planted.in(
            "gradients.shapeAndType",
            "the output is always DOUBLE",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
                    return super.out(out.castTo(DataType.DOUBLE), workspaces);
                  }
                }),
        Planted.in(
            "gradients.shapeAndType",
            "the error of one example has lost an axis",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray down(INDArray dx, LayerWorkspaceMgr workspaces) {
                    INDArray down = super.down(dx, workspaces);
                    return down.rows() == 1 ? down.reshape(down.length()) : down;
                  }
                }),
        Planted.in(
            "gradients.regularised",
            "the layer adds L2 to its gradient, and the updater does again",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dw(INDArray dz) {
                    boolean isRegularised = !layerConf().getRegularization().isEmpty();
                    return super.dw(dz).addi(w.mul(isRegularised ? 0.1 : 0));
                  }
                }),
        Planted.in(
            "gradients.regularised",
            "the score has no part of the biases",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  public double calcRegularizationScore(boolean backpropParamsOnly) {
                    return layerConf().getRegularizationByParam("W").stream()
                        .mapToDouble(each -> each.score(getParam("W"), 0, 0))
                        .sum();
                  }
                }),
        new Planted(
            "gradients.regularised",
            "the running state is regularised",
            () -> Sound.kit(RegularisedState::new)),
        new Planted(
            "gradients.regularised",
            "gradients lie in another order than parameters",
            () -> Sound.kit(OtherOrder::new)),
        Planted.in(
            "gradients.frozen",
            "states move in each backward pass",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dw(INDArray dz) {
                    statesAreNew = true;
                    return super.dw(dz);
                  }
                }),
        Planted.in(
            "gradients.frozen",
            "states move in each forward pass",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    moveStates();
                    return super.forward();
                  }
                }),
        Planted.in(
            "gradients.frozen",
            "after a pass in inference no error is passed down",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    return super.dx(dz).muli(statesAreNew ? 1 : 0);
                  }
                }),
        new Planted(
            "gradients.frozen",
            "being frozen is declared to be refused, but is not",
            () -> Sound.kit().refuses(Feature.FROZEN)));
  }

  /** What lies where a dense array would have its elements. */
  private static INDArray asInMemory(INDArray x) {
    INDArray copy = Nd4j.create(x.dataType(), x.shape());
    for (int k = 0; k < x.length(); k++) {
      copy.putScalar(k, x.data().getDouble(x.offset() + k));
    }
    return copy;
  }

  /** Reads its input again on the way back. */
  private static class WithoutCopy extends SoundLayer {

    private static final long serialVersionUID = 1;

    WithoutCopy(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray keep(INDArray input) {
      return input;
    }
  }

  /** Forgets that a running state is no weight. */
  private static final class RegularisedState extends Sound {

    private static final long serialVersionUID = 1;

    @Override
    public List<Regularization> getRegularizationByParam(String key) {
      return getRegularization();
    }
  }

  /** b before W in the gradients, W before b in the parameters. */
  private static final class OtherOrder extends Sound {

    private static final long serialVersionUID = 1;

    @Override
    public ParamInitializer initializer() {
      return new Initializer() {
        @Override
        public Map<String, INDArray> getGradientsFromFlattened(
            NeuralNetConfiguration conf, INDArray view) {
          Map<String, INDArray> table = super.getGradientsFromFlattened(conf, view);
          INDArray flat = view.reshape(view.length());
          long bias = table.get("b").length();
          long weights = table.get("W").length();
          table.put(
              "b", flat.get(NDArrayIndex.interval(0, bias)).reshape('f', table.get("b").shape()));
          table.put(
              "W",
              flat.get(NDArrayIndex.interval(bias, bias + weights))
                  .reshape('f', table.get("W").shape()));
          return table;
        }
      };
    }
  }
}
