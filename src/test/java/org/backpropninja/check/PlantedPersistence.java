package org.backpropninja.check;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.ParamInitializer;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Bugs for the family {@code persistence}. */
@SuppressWarnings("unused") // accessors are called by DL4J's JSON mapper
final class PlantedPersistence {

  private PlantedPersistence() {}

  static List<Planted> all() {
    return Stream.of(saved(), equality(), clones(), types(), repeats())
        .flatMap(List::stream)
        .toList();
  }

  private static Planted of(String check, String what, Supplier<? extends Layer> layer) {
    return new Planted(check, what, () -> Sound.kit(layer));
  }

  private static List<Planted> saved() {
    return List.of(
        of("persistence.json", "a field without getter and setter", () -> new NoGetter(3)),
        of("persistence.json", "the same, and equals forgets it", () -> new NoGetterNorEquals(3)),
        of("persistence.json", "a field's value is of a class without equals", NoEquals::new),
        of("persistence.json", "no constructor without arguments", () -> new NoDefault(3)),
        of("persistence.yaml", "a field without getter and setter", () -> new NoGetter(3)),
        of("persistence.yaml", "a setter in other units than the getter", Percent::new),
        of("persistence.java", "a transient field", TransientField::new),
        of("persistence.java", "the same, and equals forgets it", TransientUncompared::new),
        of("persistence.java", "a field's value is not serialisable", NotSerialisable::new),
        of("persistence.freshJvm", "a lambda in a field", () -> new WithLambda(z -> 3 * z)),
        of("persistence.freshJvm", "an anonymous activation", AnonymousActivation::new),
        of("persistence.freshJvm", "an anonymous layer", PlantedPersistence::anonymous),
        of("persistence.freshJvm", "an inner class", () -> new Outer().new Inner()),
        of("persistence.freshJvm", "a static setting", () -> StaticSetting.of(3)),
        Planted.in("persistence.modelSerializer", "steps are counted in a field", Warming::new),
        of("persistence.modelSerializer", "parameters are always initialised", Forgetful::new),
        of(
            "persistence.modelSerializer",
            "an updater in a transient field",
            () -> OwnUpdater.of(new Nesterovs(0.01, 0.9))));
  }

  private static List<Planted> equality() {
    return List.of(
        of("persistence.equals", "equals is the one of Object", Identity::new),
        of("persistence.equals", "equals compares the class only", ClassOnly::new),
        of("persistence.equals", "hashCode is the one of Object", OwnHash::new),
        of("persistence.equals", "equals casts without asking", Careless::new),
        of("persistence.equals", "equals forgets a setting", ForgottenSetting::new));
  }

  private static List<Planted> clones() {
    return List.of(
        of("persistence.clone", "a clone shares an array that a setter changes", Held::new),
        of(
            "persistence.clone",
            "clone makes a new layer and forgets a setting",
            () -> NewInstance.of(2)),
        of("persistence.clone", "training moves an array of the configuration", Moved::new));
  }

  private static List<Planted> types() {
    return List.of(
        Planted.in(
            "persistence.floatCloseToDouble",
            "a DOUBLE network computes in FLOAT in between",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray forward() {
                    return super.forward().castTo(DataType.FLOAT).castTo(type);
                  }
                }),
        Planted.in(
            "persistence.floatCloseToDouble",
            "a FLOAT network keeps its input in BFLOAT16",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray keep(INDArray input) {
                    return type == DataType.FLOAT
                        ? input.castTo(DataType.BFLOAT16).castTo(type)
                        : super.keep(input);
                  }
                }),
        Planted.in(
            "persistence.floatCloseToDouble",
            "a difference of large numbers",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  INDArray dx(INDArray dz) {
                    return super.dx(dz).addi(1e5).subi(1e5);
                  }
                }),
        Planted.in(
            "persistence.floatCloseToDouble",
            "a constant that is 0 in FLOAT",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  @Override
                  void moveStates() {
                    INDArray huge = x.mean(true, 0).muli(1e-40).muli(1e40);
                    getParam(Sound.EMA).muli(0.9).addi(huge.muli(0.1));
                  }
                }),
        new Planted(
            "persistence.floatCloseToDouble",
            "a FLOAT network is declared to be refused, and is not",
            () -> Sound.kit().refuses(Feature.FLOAT)));
  }

  private static List<Planted> repeats() {
    return List.of(
        of("persistence.seed", "parameters from a static Random", StaticRandom::new),
        Planted.in(
            "persistence.seed",
            "noise from a Random of its own",
            (conf, type) ->
                new SoundLayer(conf, type) {
                  private final Random random = new Random();

                  @Override
                  INDArray db(INDArray dz) {
                    return super.db(dz).muli(1 + 0.01 * random.nextGaussian());
                  }
                }),
        Planted.in("persistence.seed", "a static count of steps", Counting::new),
        Planted.in("persistence.threads", "a static buffer for the way back", StaticInput::new),
        Planted.in("persistence.threads", "a static buffer in the forward pass", Scratch::new),
        Planted.in("persistence.threads", "a buffer is made on one thread", OnOneThread::new));
  }

  // Configurations

  /** Multiplies its output by what a subclass says. */
  abstract static class Scaled extends Sound {

    private static final long serialVersionUID = 1;

    abstract double scale();

    /** What equals compares. */
    double compared() {
      return scale();
    }

    @Override
    SoundLayer runtime(NeuralNetConfiguration conf, DataType type) {
      return new SoundLayer(conf, type) {
        @Override
        INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
          return super.out(out.mul(scale()), workspaces);
        }

        @Override
        INDArray dz(INDArray dy) {
          return super.dz(dy.mul(scale()));
        }
      };
    }

    @Override
    public boolean equals(Object other) {
      return super.equals(other) && compared() == ((Scaled) other).compared();
    }

    @Override
    public int hashCode() {
      return 31 * super.hashCode() + Double.hashCode(compared());
    }
  }

  /** Has no getter or setter, so JSON leaves it out. */
  static class NoGetter extends Scaled {
    private static final long serialVersionUID = 1;

    private double scale = 1;

    NoGetter() {}

    NoGetter(double scale) {
      this.scale = scale;
    }

    @Override
    double scale() {
      return scale;
    }
  }

  static final class NoGetterNorEquals extends NoGetter {
    private static final long serialVersionUID = 1;

    NoGetterNorEquals() {}

    NoGetterNorEquals(double scale) {
      super(scale);
    }

    @Override
    double compared() {
      return 0;
    }
  }

  /** A setting as it should be, for bugs that need one. */
  static class Setting extends Scaled {
    private static final long serialVersionUID = 1;

    private double scale = 3;

    @Override
    double scale() {
      return scale;
    }

    public double getScale() {
      return scale;
    }

    public void setScale(double scale) {
      this.scale = scale;
    }
  }

  static final class Percent extends Setting {
    private static final long serialVersionUID = 1;

    @Override
    public void setScale(double percent) {
      super.setScale(percent / 100);
    }
  }

  static final class ForgottenSetting extends Setting {
    private static final long serialVersionUID = 1;

    @Override
    double compared() {
      return 0;
    }
  }

  static final class NewInstance extends Setting {
    private static final long serialVersionUID = 1;

    static NewInstance of(double scale) {
      NewInstance layer = new NewInstance();
      layer.setScale(scale);
      return layer;
    }

    @Override
    public NewInstance clone() {
      NewInstance clone = new NewInstance();
      clone.setLayerName(getLayerName());
      clone.setNIn(getNIn());
      clone.setNOut(getNOut());
      clone.setWeightInitFn(getWeightInitFn());
      clone.setIUpdater(getIUpdater());
      return clone;
    }
  }

  static final class NoEquals extends Sound {
    private static final long serialVersionUID = 1;

    NoEquals() {
      setActivationFn(new Plain());
    }

    static final class Plain extends ActivationIdentity {
      private static final long serialVersionUID = 1;

      @Override
      public boolean equals(Object other) {
        return this == other;
      }

      @Override
      public int hashCode() {
        return 1;
      }
    }
  }

  static final class NoDefault extends Setting {
    private static final long serialVersionUID = 1;

    NoDefault(double scale) {
      setScale(scale);
    }
  }

  static class TransientField extends Scaled {
    private static final long serialVersionUID = 1;

    private transient double scale = 3;

    @Override
    double scale() {
      return scale;
    }
  }

  static final class TransientUncompared extends TransientField {
    private static final long serialVersionUID = 1;

    @Override
    double compared() {
      return 0;
    }
  }

  static final class NotSerialisable extends Sound {
    private static final long serialVersionUID = 1;

    private final Object lock = new Object();
  }

  static final class WithLambda extends Scaled {
    private static final long serialVersionUID = 1;

    private DoubleUnaryOperator function = z -> z;

    WithLambda() {}

    WithLambda(DoubleUnaryOperator function) {
      this.function = function;
    }

    @Override
    double scale() {
      return function.applyAsDouble(1);
    }

    @Override
    double compared() {
      return 0;
    }
  }

  static final class AnonymousActivation extends Sound {
    private static final long serialVersionUID = 1;

    AnonymousActivation() {
      setActivationFn(
          new ActivationIdentity() {
            @Override
            public String toString() {
              return "nothing";
            }
          });
    }
  }

  private static Sound anonymous() {
    return new Sound() {
      @Override
      public int hashCode() {
        return super.hashCode();
      }
    };
  }

  static final class Outer {

    final class Inner extends Sound {
      private static final long serialVersionUID = 1;
    }
  }

  static final class StaticSetting extends Scaled {
    private static final long serialVersionUID = 1;

    private static double scale = 1;

    static StaticSetting of(double scale) {
      StaticSetting.scale = scale;
      return new StaticSetting();
    }

    @Override
    double scale() {
      return scale;
    }
  }

  /** Initialises parameters that it was told to keep. */
  static final class Forgetful extends Sound {
    private static final long serialVersionUID = 1;

    @Override
    public ParamInitializer initializer() {
      return new Initializer() {
        @Override
        public Map<String, INDArray> init(
            NeuralNetConfiguration conf, INDArray view, boolean initialize) {
          return super.init(conf, view, true);
        }
      };
    }
  }

  static final class OwnUpdater extends Sound {
    private static final long serialVersionUID = 1;

    private transient IUpdater forB;

    static OwnUpdater of(IUpdater forB) {
      OwnUpdater layer = new OwnUpdater();
      layer.forB = forB;
      return layer;
    }

    @Override
    public IUpdater getUpdaterByParam(String key) {
      return forB != null && key.equals("b") ? forB : super.getUpdaterByParam(key);
    }
  }

  static final class Identity extends Sound {
    private static final long serialVersionUID = 1;

    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  static final class ClassOnly extends Sound {
    private static final long serialVersionUID = 1;

    @Override
    public boolean equals(Object other) {
      return other instanceof ClassOnly layer
          && String.valueOf(layer.getLayerName()).equals(String.valueOf(getLayerName()));
    }

    @Override
    public int hashCode() {
      return 1;
    }
  }

  static final class OwnHash extends Sound {
    private static final long serialVersionUID = 1;

    @Override
    public boolean equals(Object other) {
      return super.equals(other);
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  static final class Careless extends Sound {
    private static final long serialVersionUID = 1;

    @Override
    public boolean equals(Object other) {
      return ((Careless) other).getNOut() == getNOut();
    }

    @Override
    public int hashCode() {
      return 1;
    }
  }

  /** Keeps its setting in an array that clones share. */
  static final class Held extends Scaled {
    private static final long serialVersionUID = 1;

    private final double[] holder = {3};

    @Override
    double scale() {
      return holder[0];
    }

    public double getScale() {
      return holder[0];
    }

    public void setScale(double scale) {
      holder[0] = scale;
    }
  }

  /** Each step of training moves what the output is multiplied by. */
  static final class Moved extends Sound {
    private static final long serialVersionUID = 1;

    private final double[] scale = {1};

    @Override
    SoundLayer runtime(NeuralNetConfiguration conf, DataType type) {
      return new SoundLayer(conf, type) {
        @Override
        INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
          return super.out(out.mul(((Moved) layerConf()).scale[0]), workspaces);
        }

        @Override
        void moveStates() {
          super.moveStates();
          ((Moved) layerConf()).scale[0] *= 1.01;
        }
      };
    }
  }

  static final class StaticRandom extends Sound {
    private static final long serialVersionUID = 1;

    private static final Random RANDOM = new Random(1);

    @Override
    public ParamInitializer initializer() {
      return new Initializer() {
        @Override
        void fill(NeuralNetConfiguration conf, Map<String, INDArray> table) {
          super.fill(conf, table);
          table.get("b").assign(RANDOM.nextGaussian());
        }
      };
    }
  }

  // Runtimes

  /** Its output grows with each step, as counted in the runtime. */
  private static final class Warming extends SoundLayer {
    private static final long serialVersionUID = 1;

    private int steps;

    Warming(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray out(INDArray out, LayerWorkspaceMgr workspaces) {
      return super.out(out.mul(1 + 0.1 * steps), workspaces);
    }

    @Override
    void moveStates() {
      super.moveStates();
      steps++;
    }
  }

  /** The same, but counted for all networks. */
  private static final class Counting extends SoundLayer {
    private static final long serialVersionUID = 1;

    private static int steps;

    Counting(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray dw(INDArray dz) {
      return super.dw(dz).divi(1 + 0.1 * steps++);
    }
  }

  private static final class StaticInput extends SoundLayer {
    private static final long serialVersionUID = 1;

    private static INDArray given;

    StaticInput(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray keep(INDArray input) {
      given = super.keep(input);
      return given;
    }

    @Override
    INDArray dw(INDArray dz) {
      return given.transpose().mmul(dz);
    }
  }

  /** Computes example by example, in one row for all networks. */
  private static final class Scratch extends SoundLayer {
    private static final long serialVersionUID = 1;

    private static INDArray row;

    Scratch(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
    }

    @Override
    INDArray forward() {
      INDArray y = x.mmul(w);
      for (int each = 0; each < y.rows(); each++) {
        row = y.getRow(each).dup();
        LockSupport.parkNanos(1000); // even on a busy machine the other thread gets its turn
        row.addi(getParam("b").reshape(row.length()));
        y.putRow(each, Transforms.tanh(row, false));
      }
      return y;
    }
  }

  /** Has a buffer on the thread that made it only. */
  private static final class OnOneThread extends SoundLayer {
    private static final long serialVersionUID = 1;

    private final transient ThreadLocal<double[]> buffer = new ThreadLocal<>();

    OnOneThread(NeuralNetConfiguration conf, DataType type) {
      super(conf, type);
      buffer.set(new double[1]);
    }

    @Override
    void moveStates() {
      super.moveStates();
      buffer.get()[0]++;
    }
  }
}
