/** A camera for browsers that have no fake one: a canvas stream in which a picture sways. */

/** Interval between the frames that the canvas paints; milliseconds. */
const FRAME_MS = 50;

/**
 * Returns a script that shows a picture (JPEG, base64) in place of the camera. The tracks it has
 * given out are in `given`.
 */
export function streamOf(jpeg) {
  return `
    const picture = new Image();
    // The page's policy allows pictures from data addresses, but no scripts that fetch them.
    picture.src = "data:image/jpeg;base64,${jpeg}";
    const canvas = document.createElement("canvas");
    canvas.width = 1280;
    canvas.height = 960;
    const context = canvas.getContext("2d");
    let frame = 0;
    setInterval(() => {
      const scale = (0.95 * canvas.width) / (picture.width || canvas.width);
      context.resetTransform();
      context.fillStyle = "#6d6459";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.translate(canvas.width / 2 + 5 * Math.sin(frame++ / 6), canvas.height / 2);
      context.scale(scale, scale);
      context.drawImage(picture, -picture.width / 2, -picture.height / 2);
    }, ${FRAME_MS});
    window.given = [];
    // On the prototype, because WebKit may create the object anew.
    MediaDevices.prototype.getUserMedia = async () => {
      const stream = canvas.captureStream();
      window.given.push(...stream.getTracks());
      return stream;
    };`;
}
