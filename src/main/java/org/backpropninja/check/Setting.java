package org.backpropninja.check;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.List;
import java.util.stream.Stream;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a public getter of a configuration shows.
 *
 * @param name of the property
 * @param getter its getter
 * @param setter its setter, null if there is none
 */
record Setting(String name, Method getter, Method setter) {

  /** The settings of a class, but for the layer's name. */
  static List<Setting> of(Class<?> type) {
    return Stream.of(type.getMethods())
        .filter(each -> each.getParameterCount() == 0 && property(each.getName()) != null)
        .filter(each -> each.getDeclaringClass() != Object.class && each.trySetAccessible())
        .map(each -> new Setting(property(each.getName()), each, setter(type, each)))
        .filter(each -> !each.name.equals("layerName"))
        .toList();
  }

  /** What a getter gets, null if it is none. */
  private static String property(String getter) {
    int from = getter.startsWith("get") ? 3 : getter.startsWith("is") ? 2 : getter.length();
    return from == getter.length()
        ? null
        : Character.toLowerCase(getter.charAt(from)) + getter.substring(from + 1);
  }

  private static Method setter(Class<?> type, Method getter) {
    try {
      Method setter =
          type.getMethod(getter.getName().replaceFirst("get|is", "set"), getter.getReturnType());
      return setter.trySetAccessible() ? setter : null;
    } catch (NoSuchMethodException e) {
      return null;
    }
  }

  /** Sets another value; returns whether it is another one. */
  boolean change(Object configuration) {
    if (setter == null) {
      return false;
    }
    try {
      Object before = getter.invoke(configuration);
      setter.invoke(configuration, another(before));
      return !String.valueOf(before).equals(String.valueOf(getter.invoke(configuration)));
    } catch (IllegalAccessException | InvocationTargetException refused) {
      return false;
    }
  }

  private static Object another(Object value) {
    if (value instanceof Boolean is) {
      return !is;
    }
    if (value instanceof Integer number) {
      return number + 1;
    }
    if (value instanceof Long number) {
      return number + 1;
    }
    if (value instanceof Float number) {
      return 1.25f * number + 0.125f;
    }
    if (value instanceof Double number) {
      return 1.25 * number + 0.125;
    }
    if (value instanceof Enum<?> constant) {
      Object[] constants = constant.getDeclaringClass().getEnumConstants();
      return constants[(constant.ordinal() + 1) % constants.length];
    }
    return value;
  }

  /** Whether two configurations hand out one and the same array. */
  boolean isSharedArray(Object one, Object other) {
    try {
      Object its = getter.invoke(one);
      return its == getter.invoke(other)
          && (its instanceof INDArray || its != null && its.getClass().isArray());
    } catch (IllegalAccessException | InvocationTargetException refused) {
      return false;
    }
  }
}
