package org.backpropninja.check;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.backpropninja.check.LossConformance.LabelSource;
import org.backpropninja.check.LossConformance.OutputLayers;
import org.backpropninja.check.LossSubject.Case;
import org.deeplearning4j.nn.conf.WorkspaceMode;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * A loss behind each of the output layers that DL4J has for it.
 *
 * <p>The gradients of a network's parameters are compared with the slopes of its score. Where
 * DL4J's layer itself computes another score than that of the loss, they are compared with the loss
 * for the same logits, so that its fault is not blamed on the loss.
 */
final class LossOutputLayers {

  private static final double EXACT = 1e-10; // sums in another order

  static final List<Definition<LossSubject>> CHECKS =
      Stream.concat(
              Arrays.stream(OutputLayers.values())
                  .flatMap(kind -> Stream.of(unmasked(kind), masked(kind))),
              Stream.of(workspaces()))
          .toList();

  private LossOutputLayers() {}

  static String name(OutputLayers kind) {
    String name = kind.toString();
    return "outputLayers." + Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }

  private static Definition<LossSubject> unmasked(OutputLayers kind) {
    return Definition.<LossSubject>check(
            name(kind),
            "Behind DL4J's %s the score is the loss, and the gradients are its slopes."
                .formatted(kind),
            "the loss depends on the memory layout of what it is given, changes it, or divides by n"
                + " though DL4J does so itself",
            (subject, trial) -> everySite(subject, trial, kind, subject.unmasked(3, 1)))
        .unless(subject -> notFor(subject, kind));
  }

  private static Definition<LossSubject> masked(OutputLayers kind) {
    boolean multiplies = kind == OutputLayers.OUTPUT || kind == OutputLayers.RNN_OUTPUT;
    return Definition.<LossSubject>check(
            name(kind) + "Masks",
            "With masks, behind DL4J's %s, the same holds; refused masks are refused."
                .formatted(kind),
            multiplies
                ? "DL4J's %s multiplies the logits by the mask before the loss sees them: refuse masks"
                        .formatted(kind)
                    + " other than 0 or 1 per example, or leave this layer out of .outputLayers"
                : "the mask is not checked, or applied to the score or to the gradient only",
            (subject, trial) -> {
              everySite(subject, trial, kind, subject.masked(subject.masks(), 3));
              refused(subject, trial, kind);
            })
        .unless(subject -> notFor(subject, kind))
        .unless(
            subject ->
                subject.masks().isEmpty() && subject.refusedMasks().isEmpty()
                    ? "no masks declared, by .masks(…) or .refusesMasks(…)"
                    : null);
  }

  private static Definition<LossSubject> workspaces() {
    return Definition.<LossSubject>check(
            "outputLayers.workspaces",
            "In DL4J's workspaces, which are its default, training goes as it goes without them.",
            "an array that was made in a workspace is kept in a field: it is overwritten when the"
                + " workspace is used again",
            LossOutputLayers::inWorkspaces)
        .unless(
            subject ->
                usable(subject).isEmpty()
                    ? "no output layer is declared that takes the labels"
                    : null);
  }

  private static List<LossSite> usable(LossSubject subject) {
    return LossSite.ALL.stream()
        .filter(site -> notFor(subject, site.kind()) == null && site.scoreFault() == null)
        .toList();
  }

  private static void inWorkspaces(LossSubject subject, Trial trial) {
    LossSite site = usable(subject).get(0);
    LossRig rig = new LossRig(subject, site);
    for (LabelSource labels : subject.labels()) {
      List<Case> steps = handedOver(subject, site, cases(labels, 3, 5, 3, 1, 3));
      trial.at("%s, %d steps of training", site, steps.size());
      List<LossInput> inputs =
          steps.stream().map(each -> draw(subject, trial, site, each, 0)).toList();
      Same.require(
          trial,
          "parameters",
          rig.trained(WorkspaceMode.ENABLED, steps, inputs),
          "without workspaces",
          rig.trained(WorkspaceMode.NONE, steps, inputs),
          EXACT);
    }
  }

  private static List<Case> cases(LabelSource labels, Integer... sizes) {
    return Stream.of(sizes).map(n -> new Case(labels, n, null)).toList();
  }

  private static String notFor(LossSubject subject, OutputLayers kind) {
    if (!subject.outputLayers().contains(kind)) {
      return "not declared, by .outputLayers(…)";
    }
    boolean none =
        sites(kind).stream()
            .allMatch(site -> handedOver(subject, site, subject.unmasked(1)).isEmpty());
    return none ? "DL4J's %s takes labels of the logits' shape only".formatted(kind) : null;
  }

  private static List<LossSite> sites(OutputLayers kind) {
    return LossSite.ALL.stream().filter(site -> site.kind() == kind).toList();
  }

  private static List<Case> handedOver(LossSubject subject, LossSite site, List<Case> cases) {
    return cases.stream()
        .filter(each -> site.takesLabels(columns(subject, each.labels()), subject.classes()))
        .filter(each -> each.mask() == null || site.takes(each.mask()))
        .toList();
  }

  private static long columns(LossSubject subject, LabelSource labels) {
    return labels.labels(new Random(1), 1, subject.classes()).size(-1);
  }

  private static void everySite(
      LossSubject subject, Trial trial, OutputLayers kind, List<Case> cases) {
    for (LossSite site : sites(kind)) {
      LossRig rig = new LossRig(subject, site);
      trial.at("%s", site);
      for (String fault : site.faults(cases)) {
        trial.note(fault);
      }
      for (Case each : handedOver(subject, site, cases)) {
        trial.at("%s, %s", site, each);
        compare(subject, trial, rig, site, each);
      }
    }
  }

  private static LossInput draw(
      LossSubject subject, Trial trial, LossSite site, Case kind, int draw) {
    Case rows = new Case(kind.labels(), site.rows(kind.n()), kind.mask());
    return subject.draw(rows, trial.random(site, kind, draw));
  }

  private static void compare(
      LossSubject subject, Trial trial, LossRig rig, LossSite site, Case kind) {
    ILossFunction loss = subject.loss();
    Slopes.compare(
        trial,
        draw -> {
          LossInput in = draw(subject, trial, site, kind, draw);
          double sum = rig.documented(loss, in);
          double scale = Math.max(1, Math.abs(sum));
          if (site.scoreFault() == null) {
            rig.compute(in, kind.n());
            double score = kind.n() * rig.score();
            LossValues.requireClose(
                trial,
                "n times the score",
                score,
                "the loss of the network's logits",
                sum,
                EXACT * scale);
            requireSameInGraph(trial, rig, in, kind.n());
          } else {
            rig.computeGradient(in, kind.n());
          }
          Slopes.require(
              trial,
              "the network's flat parameters",
              rig.parameters(),
              rig.gradient(),
              () -> rig.documented(loss, in),
              scale);
        });
  }

  private static void requireSameInGraph(Trial trial, LossRig rig, LossInput in, int n) {
    rig.computeInGraph(in, n);
    double error = EXACT * Math.max(1, Math.abs(rig.score()));
    LossValues.requireClose(
        trial,
        "the ComputationGraph's score",
        rig.scoreInGraph(),
        "the MultiLayerNetwork's",
        rig.score(),
        error);
    Same.require(
        trial,
        "the ComputationGraph's gradient",
        rig.gradientInGraph(),
        "the MultiLayerNetwork's",
        rig.gradient(),
        EXACT);
  }

  private static void refused(LossSubject subject, Trial trial, OutputLayers kind) {
    for (LossSite site : sites(kind)) {
      LossRig rig = new LossRig(subject, site);
      for (Case each : handedOver(subject, site, subject.masked(subject.refusedMasks(), 3))) {
        trial.at("%s, %s", site, each);
        LossInput in = draw(subject, trial, site, each, 0);
        trial.requireRefusal(each.mask().toString(), () -> rig.computeGradient(in, each.n()));
        trial.requireRefusal(each.mask().toString(), () -> rig.compute(in, each.n()));
        trial.requireRefusal(each.mask().toString(), () -> rig.computeInGraph(in, each.n()));
      }
    }
  }
}
