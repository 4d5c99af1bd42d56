package org.backpropninja.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.backpropninja.testing.Serialised;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** No field of a configuration is forgotten by a file, a copy, a comparison, a hash or a text. */
class SettingsTest {

  private static FeedForwardLayer layer(Class<?> type) {
    return type == BatchNormBessel.class
        ? new BatchNormBessel.Builder().nIn(4).build()
        : new ManualDense.Builder().nIn(4).nOut(3).build();
  }

  static Stream<Arguments> fields() {
    return Stream.of(BatchNormBessel.class, ManualDense.class)
        .flatMap(
            type ->
                Stream.of(type, ManualLayer.class)
                    .flatMap(owner -> Arrays.stream(owner.getDeclaredFields()))
                    .filter(field -> !Modifier.isStatic(field.getModifiers()))
                    .map(field -> Arguments.of(type, field.getName())));
  }

  @Test
  void thereAreFields() {
    assertEquals(12 + 3, fields().count());
  }

  private static Field field(Class<?> type, String name) throws ReflectiveOperationException {
    boolean isOwn = Arrays.stream(type.getDeclaredFields()).anyMatch(f -> f.getName().equals(name));
    Field field = (isOwn ? type : ManualLayer.class).getDeclaredField(name);
    field.setAccessible(true);
    return field;
  }

  /** Other values than the one that is there. */
  private static List<?> others(Class<?> type, Object value) {
    if (type == double.class) {
      return List.of((double) value + 0.03);
    }
    if (type == Double.class) {
      return List.of(0.03);
    }
    return Stream.of(type.isEnum() ? type.getEnumConstants() : new Boolean[] {true, false})
        .filter(other -> !other.equals(value))
        .toList();
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("fields")
  void aFieldIsKeptAndTellsLayersApart(Class<?> type, String name) throws Exception {
    Field field = field(type, name);
    List<?> others = others(field.getType(), field.get(layer(type)));
    assertTrue(!others.isEmpty());
    for (Object other : others) {
      FeedForwardLayer changed = layer(type);
      field.set(changed, other);
      assertNotEquals(layer(type), changed);
      assertNotEquals(layer(type).hashCode(), changed.hashCode());
      assertNotEquals(layer(type).toString(), changed.toString());
      assertTrue(changed.toString().contains(name + "=" + other), changed.toString());
      for (UnaryOperator<Layer> way : ways()) {
        Layer copy = way.apply(changed);
        assertEquals(other, field.get(copy));
        assertEquals(changed, copy);
        assertEquals(changed.hashCode(), copy.hashCode());
        assertEquals(changed.toString(), copy.toString());
      }
    }
  }

  private static List<UnaryOperator<Layer>> ways() {
    return List.of(
        layer -> by(NeuralNetConfiguration.mapper(), layer),
        layer -> by(NeuralNetConfiguration.mapperYaml(), layer),
        SettingsTest::serialised,
        Layer::clone);
  }

  private static Layer by(ObjectMapper mapper, Layer layer) {
    try {
      return mapper.readValue(mapper.writeValueAsString(layer), Layer.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Layer serialised(Layer layer) {
    try {
      return Serialised.copy(layer);
    } catch (IOException | ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }
}
