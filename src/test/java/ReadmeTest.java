import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows works as it is printed. */
class ReadmeTest {

  private static final Path README = Path.of("README.md");

  @TempDir Path folder;

  @Test
  void dropInSnippetCompilesAndLearns() throws Exception {
    Matcher snippet =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(README));
    assertTrue(snippet.find(), "no Java in the README");
    compile("Largest", snippet.group(1));
    String printed = run("Largest");
    Matcher loss = Pattern.compile("loss (\\d+\\.\\d+)").matcher(printed);
    assertTrue(loss.find(), printed);
    assertTrue(Double.parseDouble(loss.group(1)) < 0.5, "it has not learned: " + printed);
  }

  private void compile(String type, String code) throws IOException {
    Path source = folder.resolve(type + ".java");
    Files.writeString(source, code);
    String classPath = System.getProperty("java.class.path");
    int status =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-cp", classPath, source.toString());
    assertEquals(0, status, "the snippet does not compile: " + code);
  }

  /** They are statements about a network and its data. */
  @Test
  void recipesCompile() throws IOException {
    String recipes = Files.readString(README).split("(?m)^## Recipes$")[1].split("(?m)^## ")[0];
    List<String> snippets =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(recipes)
            .results()
            .map(snippet -> snippet.group(1))
            .toList();
    assertTrue(snippets.size() > 1, recipes);
    for (int k = 0; k < snippets.size(); k++) {
      compile(
          "Recipe" + k,
          """
          import org.backpropninja.layers.EmbeddingConcat;
          import org.backpropninja.loss.ManualCrossEntropyLoss;
          import org.backpropninja.loss.ManualCrossEntropyLoss.Mean;
          import org.backpropninja.training.OneHotLabels;
          import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
          import org.nd4j.evaluation.classification.Evaluation;
          import org.nd4j.linalg.api.ndarray.INDArray;
          import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
          import org.nd4j.linalg.lossfunctions.ILossFunction;

          class Recipe%d {
            void recipe(MultiLayerNetwork network, DataSetIterator iterator, INDArray vectors) {
              %s
            }
          }
          """
              .formatted(k, snippets.get(k)));
    }
  }

  @Test
  void theTestOfYourOwnLayerRunsTheKit() throws Throwable {
    String section = Files.readString(README).split("(?m)^## Check your own layer$")[1];
    Matcher snippet = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(section);
    assertTrue(snippet.find(), "no Java in the section");
    compile("MyLayerNormTest", snippet.group(1));
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      Class<?> test = loader.loadClass("MyLayerNormTest");
      Constructor<?> constructor = test.getDeclaredConstructor();
      constructor.setAccessible(true);
      Method conforms = test.getDeclaredMethod("conforms");
      conforms.setAccessible(true);
      List<?> checks = ((Stream<?>) conforms.invoke(constructor.newInstance())).toList();
      assertTrue(checks.size() > 4, checks::toString);
      ((DynamicTest) checks.get(0)).getExecutable().execute();
    }
  }

  private String run(String type) throws ReflectiveOperationException, IOException {
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      System.setOut(new PrintStream(printed, true));
      loader.loadClass(type).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    } finally {
      System.setOut(out);
    }
    return printed.toString();
  }
}
