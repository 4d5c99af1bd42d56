package org.backpropninja.names;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.Serializable;

/** Tells when code of a class that a model file names is run. */
final class Gadget {

  /** The system property that says so. */
  static final String RAN = "gadget.ran";

  private Gadget() {}

  /** Is run when its class is initialised; nothing in the tests may use it but by its name. */
  static final class Loaded {
    static {
      System.setProperty(RAN, "its static initialiser");
    }

    private Loaded() {}
  }

  /** Is run when an object of it is read by Java's deserialisation. */
  static final class Read implements Serializable {
    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
      in.defaultReadObject();
      System.setProperty(RAN, "its readObject");
    }
  }
}
