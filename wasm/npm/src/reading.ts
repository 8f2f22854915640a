/** The instance of the module that reads. */
import start, { choose_kernels, initSync, restart } from "./engine.js";
import { Instance } from "./instance.js";

export const reading = new Instance({ start, initSync, choose_kernels, restart });
