/** Assembles the page from its parts. */
import { Client } from "./client";
import { startReading } from "./reading/view";
import { offerLanguages } from "./shell/languages";
import { startNavigation } from "./shell/navigation";
import { startOffline } from "./shell/offline";

const client = new Client();

startReading(client);
offerLanguages();
startNavigation();
// Offline files wait until a first reading is possible. The reading view reports errors of this.
void client.load("u4").then(startOffline, () => {});
