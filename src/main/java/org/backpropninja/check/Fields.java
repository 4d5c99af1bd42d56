package org.backpropninja.check;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a configuration holds, field by field, to name the one that is wrong. */
final class Fields {

  private static final int LONGEST = 60; // characters of a value

  private Fields() {}

  /** In words, the fields in which two objects differ. */
  static String differences(Object before, Object after) {
    List<String> fields = new ArrayList<>();
    compare("", before, after, fields);
    return fields.isEmpty() ? "no field that can be read differs" : String.join("; ", fields);
  }

  private static void compare(String path, Object before, Object after, List<String> found) {
    if (Objects.deepEquals(before, after) && !path.isEmpty()) {
      return;
    }
    int already = found.size();
    if (before != null && after != null && before.getClass() == after.getClass()) {
      for (Field field : isPlain(before) ? List.<Field>of() : of(before.getClass())) {
        String mark = Modifier.isTransient(field.getModifiers()) ? " (transient)" : "";
        compare(deeper(path, field) + mark, value(field, before), value(field, after), found);
      }
    }
    if (found.size() == already && !path.isEmpty()) {
      String was = words(before);
      String is = words(after);
      found.add(
          was.equals(is)
              ? "field %s: equals of %s says so".formatted(path, before.getClass().getName())
              : "field %s: %s became %s".formatted(path, was, is));
    }
  }

  /** Whether an object is a value, or other than by its fields. */
  private static boolean isPlain(Object object) {
    return object instanceof INDArray
        || object instanceof Enum
        || object.getClass().isArray()
        || object.getClass().getName().startsWith("java.");
  }

  private static String words(Object value) {
    String words = Arrays.deepToString(new Object[] {value});
    String one = words.substring(1, words.length() - 1).replaceAll("\\s+", " ");
    return one.length() <= LONGEST ? one : one.substring(0, LONGEST) + "…";
  }

  /**
   * The objects in a configuration whose class no other JVM can make: of lambdas, of anonymous,
   * local and inner classes. By the path of fields to each, what it is.
   */
  static Map<String, String> unmakeable(Object configuration) {
    Map<String, String> found = new LinkedHashMap<>();
    search("", configuration, Collections.newSetFromMap(new IdentityHashMap<>()), found);
    return found;
  }

  private static void search(
      String path, Object value, Set<Object> seen, Map<String, String> found) {
    if (value == null || value instanceof INDArray || value instanceof Enum || !seen.add(value)) {
      return;
    }
    Class<?> type = value.getClass();
    String kind = kind(type);
    if (kind != null) {
      found.put(path, "class %s is %s".formatted(type.getName(), kind));
    } else if (value instanceof Object[] array) {
      elements(path, Arrays.asList(array), seen, found);
    } else if (value instanceof Collection<?> collection) {
      elements(path, collection, seen, found);
    } else if (value instanceof Map<?, ?> map) {
      elements(path, map.values(), seen, found);
    } else if (!type.isArray() && !type.getName().startsWith("java.")) {
      for (Field field : of(type)) {
        if (!Modifier.isTransient(field.getModifiers())) {
          search(deeper(path, field), value(field, value), seen, found);
        }
      }
    }
  }

  private static void elements(
      String path, Collection<?> values, Set<Object> seen, Map<String, String> found) {
    int index = 0;
    for (Object each : values) {
      search(path + "[" + index++ + "]", each, seen, found);
    }
  }

  private static String deeper(String path, Field field) {
    return path.isEmpty() ? field.getName() : path + "." + field.getName();
  }

  /** What is wrong with a class, null if nothing. */
  private static String kind(Class<?> type) {
    if (type.isHidden()) {
      return "a lambda";
    }
    if (type.isAnonymousClass()) {
      return "an anonymous class";
    }
    if (type.isLocalClass()) {
      return "a local class";
    }
    return type.isMemberClass() && !Modifier.isStatic(type.getModifiers())
        ? "an inner class, which is not static"
        : null;
  }

  /** All fields of a class and of those above it that can be read. */
  private static List<Field> of(Class<?> type) {
    List<Field> fields = new ArrayList<>();
    for (Class<?> each = type; each != null; each = each.getSuperclass()) {
      for (Field field : each.getDeclaredFields()) {
        if (!Modifier.isStatic(field.getModifiers()) && field.trySetAccessible()) {
          fields.add(field);
        }
      }
    }
    return fields;
  }

  private static Object value(Field field, Object object) {
    try {
      return field.get(object);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException("made accessible before", e);
    }
  }
}
