/**
 * The names and what the network reads of them: contexts of characters and the next character.
 *
 * <p>{@link org.backpropninja.names.NamesFile} reads the words, {@link
 * org.backpropninja.names.NamesSplit} shuffles and divides them into three {@link
 * org.backpropninja.names.NamesDataset}s over one {@link org.backpropninja.names.Vocabulary}, and
 * {@link org.backpropninja.names.MinibatchIterator} draws the minibatches to train on. {@link
 * org.backpropninja.names.CharMlp} is the network, {@link org.backpropninja.names.NameSampler}
 * invents names with it, and {@link org.backpropninja.names.RunFolder} keeps what came out. {@link
 * org.backpropninja.names.ModelFile} is a network with its vocabulary, to be kept or sent.
 *
 * <p>Source: makemore parts 2 to 4, {@code build_dataset}.
 */
package org.backpropninja.names;
