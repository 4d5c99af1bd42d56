package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.backpropninja.testing.Jvm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Broken and hostile model files are refused in one line, run nothing and take little memory. */
class ModelFileAttackTest {

  private static final int MEBIBYTES = 256;

  @TempDir private Path folder;

  @Test
  void hostileFilesAreRefusedInOneLineRunNothingAndTakeLittleMemory() throws Exception {
    Path temporary = Files.createDirectory(folder.resolve("tmp"));
    Jvm.Outcome outcome =
        Jvm.run(
            folder.resolve("log"),
            ModelFileAttack.class,
            List.of(
                "-Xmx%dm".formatted(MEBIBYTES),
                "-Dorg.bytedeco.javacpp.maxbytes=%dm".formatted(MEBIBYTES),
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-Djava.io.tmpdir=" + temporary),
            List.of(folder.toString(), "42"));
    System.out.println(outcome.said());
    assertEquals(0, outcome.status(), outcome.said());
    assertTrue(number(outcome, "(?m)^all +(\\d+)") >= 500, outcome.said());
    assertTrue(number(outcome, "at most: (\\d+) MiB") <= 2 * MEBIBYTES, outcome.said());
  }

  private static int number(Jvm.Outcome outcome, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(outcome.said());
    assertTrue(matcher.find(), outcome.said());
    return Integer.parseInt(matcher.group(1));
  }
}
