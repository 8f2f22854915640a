/** What is of use once the reader is ready, and is loaded after it. */
import "../camera/phone.css";

export { watchKeys } from "./shortcuts";
export { wireTakeaway } from "./takeaway";
