import org.backpropninja.names.RunFolder.Parts;

/**
 * What a training run shows at its end.
 *
 * @param losses mean loss of each part, nats
 * @param bigramLosses those of counting pairs of characters in the training set
 * @param samples names that the network invented
 */
record Results(Parts<Double> losses, Parts<Double> bigramLosses, Samples samples) {

  /** Prints the losses, the baseline's below them, and the names with their marks. */
  void print() {
    System.out.println(Commands.losses(losses));
    System.out.println(Commands.losses(bigramLosses) + "  bigram baseline");
    samples.print();
    System.out.flush();
  }
}
