package org.example;

import java.nio.file.Files;
import java.nio.file.Path;

/** Runs the network that is named first on the file of bytes that is named second. */
final class Digits {
  static {
    System.loadLibrary("digits");
  }

  static native long create(byte[] file);

  static native int[] run(long network, byte[] pixels, int height, int width);

  static native void free(long network);

  public static void main(String[] arguments) throws Exception {
    byte[] pixels = Files.readAllBytes(Path.of(arguments[1]));
    long network = create(Files.readAllBytes(Path.of(arguments[0])));
    for (int score : run(network, pixels, 8, 8)) System.out.println(score);
    try {
      run(network, pixels, 9, 8);
      System.exit(1);
    } catch (IllegalStateException error) {
      System.out.println(error.getMessage());
    }
    try {
      create(new byte[10]);
      System.exit(1);
    } catch (IllegalStateException error) {
      free(network);
    }
  }
}
