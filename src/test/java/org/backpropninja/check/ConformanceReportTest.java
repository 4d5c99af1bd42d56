package org.backpropninja.check;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.backpropninja.check.ConformanceReport.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/** A report counts every verdict, and says so as text, Markdown and JSON. */
class ConformanceReportTest {

  private static Result result(String name, Verdict verdict, String message) {
    boolean threw = verdict != Verdict.PASSED && verdict != Verdict.NOT_APPLICABLE;
    Throwable thrown =
        threw && verdict != Verdict.UNEXPECTED_PASS ? new AssertionError(message) : null;
    return new Result(name, "What is right.", verdict, message, List.of("a note"), 7, thrown);
  }

  private static ConformanceReport report(int atLeast, Result... results) {
    return new ConformanceReport("Layer", 3, atLeast, List.of(results));
  }

  /** As many of each verdict as its place in the enumeration, from 1 on. */
  private static ConformanceReport ofEach() {
    List<Result> results = new ArrayList<>();
    for (Verdict verdict : Verdict.values()) {
      for (int each = 0; each <= verdict.ordinal(); each++) {
        results.add(result("family." + verdict.name() + each, verdict, "message of " + verdict));
      }
    }
    return report(1, results.toArray(Result[]::new));
  }

  @Test
  void theHeadCountsEveryVerdict() {
    assertEquals(
        "Layer, seed 3: 21 checks, 16 ran: passed 1, failed 2, expected failure 3,"
            + " unexpected pass 4, not applicable 5, error 6; 0.1 s",
        ofEach().text().lines().findFirst().orElseThrow());
  }

  @ParameterizedTest
  @EnumSource(Verdict.class)
  void oneVerdictDecides(Verdict verdict) {
    ConformanceReport report =
        report(1, result("a.b", Verdict.PASSED, ""), result("a.c", verdict, "what is wrong"));
    boolean bad =
        switch (verdict) {
          case PASSED, EXPECTED_FAILURE, NOT_APPLICABLE -> false;
          case FAILED, UNEXPECTED_PASS, ERROR -> true;
        };
    assertEquals(!bad, report.passed());
    assertTrue(report.text().contains("a.c  " + verdict), report::text);
    assertTrue(verdict == Verdict.PASSED || report.text().contains("what is wrong"), report::text);
    assertTrue(report.text().contains("note: a note"), report::text);
    if (bad) {
      AssertionError error = assertThrows(AssertionError.class, report::assertPassed);
      assertEquals(report.text(), error.getMessage());
      assertTrue(error.getMessage().endsWith("NOT PASSED"), error::getMessage);
    } else {
      assertDoesNotThrow(report::assertPassed);
      assertTrue(report.text().endsWith(System.lineSeparator() + "PASSED"), report::text);
    }
  }

  @Test
  void theErrorHasWhatWasThrown() {
    Result failed = result("a.b", Verdict.FAILED, "wrong");
    AssertionError error = assertThrows(AssertionError.class, report(1, failed)::assertPassed);
    assertArrayEquals(new Throwable[] {failed.thrown()}, error.getSuppressed());
    assertSame(failed.thrown(), error.getSuppressed()[0]);
  }

  @Test
  void aRunOfNoChecksIsNotPassed() {
    ConformanceReport none = report(1, result("a.b", Verdict.NOT_APPLICABLE, "no parameters"));
    assertEquals(0, none.ran());
    assertFalse(none.passed());
    AssertionError error = assertThrows(AssertionError.class, none::assertPassed);
    assertTrue(
        error.getMessage().endsWith("NOT PASSED: 0 checks ran, at least 1 have to"),
        error::getMessage);
    assertFalse(report(1).passed());
  }

  @Test
  void tooFewChecksAreNotPassed() {
    Result passed = result("a.b", Verdict.PASSED, "");
    assertTrue(report(2, passed, passed).passed());
    assertFalse(report(3, passed, passed).passed());
    assertTrue(report(3, passed, passed).text().contains("2 checks ran, at least 3 have to"));
  }

  @Test
  void jsonHasTheCountsAndResults() throws IOException {
    String message = "\"quoted\" \\ | <b>\n\tεδ";
    JsonNode json =
        new ObjectMapper().readTree(report(1, result("a.b", Verdict.FAILED, message)).json());
    assertEquals("Layer", json.get("subject").asText());
    assertEquals(3, json.get("seed").asLong());
    assertFalse(json.get("passed").asBoolean());
    assertEquals(1, json.get("ran").asInt());
    assertEquals(message, json.get("results").get(0).get("message").asText());
    assertEquals("failed", json.get("results").get(0).get("verdict").asText());

    ConformanceReport all = ofEach();
    JsonNode counts = new ObjectMapper().readTree(all.json()).get("counts");
    for (Verdict verdict : Verdict.values()) {
      assertEquals(all.count(verdict), counts.get(verdict.toString()).asInt());
      assertEquals(verdict.ordinal() + 1, all.count(verdict));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "one | two || three",
        "a \\| b \\",
        "<script>alert(1)</script> a < b",
        "first\nsecond\r\n  third\n\nlast\n",
        "&lt; <br> &",
        "`code` *stars*"
      })
  void aMarkdownTableHoldsAnyMessage(String message) {
    String page = report(1, result("a.b", Verdict.FAILED, message)).markdown();
    List<String> table = page.lines().filter(line -> line.startsWith("|")).toList();
    assertEquals(3, table.size(), page);
    for (String row : table) {
      assertEquals(4, row.chars().filter(c -> c == '|').count(), row);
      assertTrue(row.endsWith("|"), row);
    }
    assertFalse(table.get(2).replace("<br>", "").contains("<"), page);
  }

  @Test
  void markdownKeepsWhatAMessageSays() {
    String page = report(1, result("a.b", Verdict.FAILED, "a < b | c\n  d & <br>")).markdown();
    assertTrue(page.contains("a &lt; b &#124; c<br>d &amp; &lt;br&gt;<br>a note"), page);
  }

  @Test
  void aNameCannotBreakThePage() {
    String page =
        new ConformanceReport("one\ntwo", 1, 1, List.of(result("a.b", Verdict.PASSED, "")))
            .markdown();
    assertTrue(page.startsWith("## one<br>two\n\n"), page);
  }
}
