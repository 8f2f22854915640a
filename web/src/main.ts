/** Assembles the page from its parts. */
import { newClient } from "./client";
import { arrived } from "./reading/download";
import { startReading } from "./reading/view";
import { offerLanguages } from "./shell/languages";
import { startNavigation } from "./shell/navigation";
import { startOffline } from "./shell/offline";

const client = newClient(arrived);

startReading(client);
offerLanguages();
startNavigation();
// Offline files wait until a first reading is possible. The reading view reports errors of this.
void client.load("u4").then(startOffline, () => {});
