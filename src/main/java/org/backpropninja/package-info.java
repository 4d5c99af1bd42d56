/** Custom Deeplearning4j layers whose backward passes are written by hand. */
package org.backpropninja;
