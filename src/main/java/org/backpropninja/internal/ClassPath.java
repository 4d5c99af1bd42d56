package org.backpropninja.internal;

/** Which of the optional libraries are there: no backend is forced on users. */
final class ClassPath {

  private ClassPath() {}

  /** Whether a class can be loaded, and its native code with it. */
  static boolean has(String className) {
    try {
      Class.forName(className);
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }
}
