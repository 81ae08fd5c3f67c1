// The page of three.mjs: loads each mesh, and sends back pictures of it, or what the loader made of it.
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { MTLLoader } from "three/addons/loaders/MTLLoader.js";
import { OBJLoader } from "three/addons/loaders/OBJLoader.js";
import { PLYLoader } from "three/addons/loaders/PLYLoader.js";
import { VRMLoaderPlugin } from "@pixiv/three-vrm";

const TILE = 360; // pixels
const FIELD = 25; // degrees, as in docs/tutorials/viewers.md
const YAWS = [0, 35, 80, 180, -80, -35]; // degrees, of the neutral head
// What pictures show, in metres of the head frame.
const HEAD = { centre: [0, -0.028, -0.055], height: 0.3 };
const FACE = { centre: [0, -0.04, 0], height: 0.18 };
const EYES = { centre: [0, 0, 0.01], height: 0.12 };
const MOUTH = { centre: [0, -0.07, 0.02], height: 0.09 };
const EXPRESSIONS = [
  [["jawOpen"], MOUTH],
  [["eyeBlinkLeft"], EYES],
  [["eyeBlinkLeft", "eyeBlinkRight"], EYES],
  [["mouthSmileLeft", "mouthSmileRight"], MOUTH],
  [["tongueOut"], FACE],
  [["eyeLookInLeft", "eyeLookOutRight"], EYES],
  [["eyeLookDownLeft", "eyeLookDownRight"], EYES],
  [["browInnerUp"], EYES],
  [["mouthPucker"], MOUTH],
  [["cheekPuff"], FACE],
  [["noseSneerLeft", "noseSneerRight"], FACE],
  [["mouthFunnel"], MOUTH],
];
// Turns of bones, degrees about x, y and z, of files that have them.
const TURNS = [
  [{ jaw: [21.6, 0, 0] }, MOUTH],
  [{ head: [0, 35, 0] }, HEAD],
  [{ head: [25, 0, 0] }, HEAD],
  [{ neck: [0, 0, 20] }, HEAD],
  [{ head: [0, 20, 0], neck: [0, 20, 0], jaw: [10, 0, 0] }, HEAD],
  [{ leftEye: [15, 25, 0], rightEye: [15, 25, 0] }, EYES],
];
const GRID = 8; // means of textures are compared on so many squares an axis

const canvas = document.createElement("canvas");
const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });

async function loadVrm(url) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  return (await loader.loadAsync(url)).userData.vrm;
}

async function load(url) {
  const ending = url.split(".").pop();
  if (ending === "glb") return (await new GLTFLoader().loadAsync(url)).scene;
  if (ending === "vrm") return (await loadVrm(url)).scene;
  if (ending === "ply") {
    const geometry = await new PLYLoader().loadAsync(url);
    const coloured = geometry.hasAttribute("color");
    return new THREE.Mesh(geometry, new THREE.MeshStandardMaterial({ vertexColors: coloured, side: THREE.DoubleSide }));
  }
  const loader = new OBJLoader();
  const library = (await (await fetch(url)).text()).match(/^mtllib (.+)$/m);
  if (!library) return loader.loadAsync(url);
  const textures = new THREE.LoadingManager();
  const loaded = new Promise((ready) => (textures.onLoad = ready));
  const materials = await new MTLLoader().loadAsync(url.replace(/[^/]+$/, encodeURIComponent(library[1])));
  materials.manager = textures;
  materials.preload();
  const object = await loader.setMaterials(materials).loadAsync(url);
  await loaded;
  return object;
}

function meshes(root) {
  const found = [];
  root.traverse((object) => object.isMesh && found.push(object));
  return found;
}

function setExpression(root, names) {
  for (const mesh of meshes(root)) {
    for (const [name, index] of Object.entries(mesh.morphTargetDictionary ?? {})) {
      mesh.morphTargetInfluences[index] = names.includes(name) ? 1 : 0;
    }
  }
}

function turnBones(root, turns) {
  root.traverse((object) => {
    if (!object.isBone) return;
    object.rotation.set(...(turns[object.name] ?? [0, 0, 0]).map(THREE.MathUtils.degToRad));
  });
}

const bytes = (source) => new Promise((ready) => source.toBlob(ready, "image/png"));
const send = (number, name, body) => fetch(`/result/${number}/${name}`, { method: "POST", body });

// Pictures to look at.

function show(root, yaw, directed, frame) {
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0xdddddd);
  scene.add(root, new THREE.HemisphereLight(0xffffff, 0x888888, directed ? 0.8 : 3));
  if (directed) {
    const key = new THREE.DirectionalLight(0xffffff, 3);
    key.position.set(-1, 1, 1);
    scene.add(key);
  }
  const [x, y, z] = frame.centre;
  const angle = THREE.MathUtils.degToRad(yaw);
  const distance = (0.5 * frame.height) / Math.tan(THREE.MathUtils.degToRad(FIELD / 2));
  const camera = new THREE.PerspectiveCamera(FIELD, 1, 0.01, 10);
  camera.position.set(x + distance * Math.sin(angle), y, z + distance * Math.cos(angle));
  camera.lookAt(x, y, z);
  renderer.render(scene, camera);
}

async function look(root, number) {
  const size = new THREE.Box3().setFromObject(root).getSize(new THREE.Vector3()).length();
  if (size > 10) root.scale.setScalar(size > 100 ? 1e-3 : 1e-2); // OBJ and PLY are in millimetres or centimetres
  root.traverse((object) => {
    // A VRM stands on the floor: look at its eyes.
    if (object.name === "leftEye" && object.getWorldPosition(new THREE.Vector3()).y > 1) {
      const eye = object.getWorldPosition(new THREE.Vector3());
      root.position.set(0, -eye.y, -eye.z);
    }
  });
  const known = new Set(meshes(root).flatMap((mesh) => Object.keys(mesh.morphTargetDictionary ?? {})));
  const tiles = [false, true].flatMap((directed) => YAWS.map((yaw) => [[], {}, yaw, directed, HEAD]));
  for (const [names, frame] of EXPRESSIONS) {
    if (names.every((name) => known.has(name))) tiles.push([names, {}, 0, false, frame], [names, {}, 30, true, frame]);
  }
  for (const name of known) if (name.startsWith("viseme_")) tiles.push([[name], {}, 20, true, MOUTH]);
  let boned = false;
  root.traverse((object) => (boned ||= object.isBone));
  for (const [turns, frame] of boned ? TURNS : []) tiles.push([[], turns, 0, false, frame], [[], turns, 80, true, HEAD]);
  renderer.setSize(TILE, TILE, false);
  const sheet = document.createElement("canvas");
  sheet.width = YAWS.length * TILE;
  sheet.height = Math.ceil(tiles.length / YAWS.length) * TILE;
  const context = sheet.getContext("2d");
  context.font = "16px sans-serif";
  for (const [k, [names, turns, yaw, directed, frame]] of tiles.entries()) {
    setExpression(root, names);
    turnBones(root, turns);
    show(root, yaw, directed, frame);
    const [x, y] = [(k % YAWS.length) * TILE, Math.floor(k / YAWS.length) * TILE];
    context.drawImage(canvas, x, y);
    const turned = Object.entries(turns).map(([bone, angles]) => `${bone} ${angles}`);
    context.fillText(`${[...names, ...turned].join(" + ") || "neutral"}, ${yaw}°${directed ? ", directed light" : ""}`, x + 8, y + 20);
  }
  await send(number, ".three.png", await bytes(sheet));
}

// What the loader made of a file.

function texture(map) {
  const { width, height } = map.image;
  const small = new OffscreenCanvas(width, height).getContext("2d");
  small.drawImage(map.image, 0, 0);
  const pixels = small.getImageData(0, 0, width, height).data;
  const means = new Float64Array(GRID * GRID * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const square = Math.floor((y * GRID) / height) * GRID + Math.floor((x * GRID) / width);
      for (let c = 0; c < 3; c++) means[3 * square + c] += pixels[4 * (y * width + x) + c];
    }
  }
  const share = (width * height) / GRID ** 2;
  return { size: [width, height], colourSpace: map.colorSpace, means: [...means].map((sum) => sum / share) };
}

// What a mesh's vertices are moved by: with bones, all of which agree while they are at rest, by those alone.
function atRest(mesh) {
  if (!mesh.isSkinnedMesh) return mesh.matrixWorld;
  const { bones, boneInverses } = mesh.skeleton;
  const matrices = bones.map((bone, k) => {
    bone.updateWorldMatrix(true, false);
    return bone.matrixWorld.clone().multiply(boneInverses[k]);
  });
  const apart = matrices.map((matrix) => Math.max(...matrix.elements.map((v, k) => Math.abs(v - matrices[0].elements[k]))));
  if (Math.max(...apart) > 1e-6) throw new Error(`the bones of ${mesh.name} are not at rest`);
  return matrices[0];
}

function read(root, fromTop) {
  const parts = [];
  let offset = 0;
  const store = (attribute) => {
    if (!attribute) return null;
    const values = new Float32Array(attribute.count * attribute.itemSize);
    for (let i = 0; i < attribute.count; i++) {
      for (let c = 0; c < attribute.itemSize; c++) values[i * attribute.itemSize + c] = attribute.getComponent(i, c);
    }
    parts.push(values);
    offset += values.byteLength;
    return { offset: offset - values.byteLength, shape: [attribute.count, attribute.itemSize] };
  };
  const materials = new Map();
  const described = (material) => {
    if (!materials.has(material)) {
      materials.set(material, {
        name: material.name,
        colour: material.color.toArray(), // linear
        roughness: material.roughness ?? null,
        doubleSided: material.side === THREE.DoubleSide,
        vertexColours: material.vertexColors,
        transparent: material.transparent,
        texture: material.map ? texture(material.map) : null,
      });
    }
    return materials.get(material);
  };
  const listed = meshes(root).map((mesh) => {
    const { attributes, morphAttributes, index } = mesh.geometry;
    mesh.updateWorldMatrix(true, false);
    const names = Object.entries(mesh.morphTargetDictionary ?? {}).sort((a, b) => a[1] - b[1]).map(([name]) => name);
    return {
      name: mesh.name,
      parent: mesh.parent?.name ?? null,
      matrix: atRest(mesh).toArray(),
      skinned: mesh.isSkinnedMesh ?? false,
      material: described(mesh.material),
      index: store(index),
      position: store(attributes.position),
      normal: store(attributes.normal),
      uv: store(attributes.uv),
      fromTop, // the origin of texture coordinates
      colour: store(attributes.color),
      targets: names,
      relative: mesh.geometry.morphTargetsRelative,
      weights: mesh.morphTargetInfluences ?? [],
      targetPositions: (morphAttributes.position ?? []).map(store),
      targetNormals: (morphAttributes.normal ?? []).map(store),
    };
  });
  const head = new TextEncoder().encode(JSON.stringify({ meshes: listed }));
  const padding = new Uint8Array(-head.byteLength & 3).fill(32);
  return new Blob([new Uint32Array([head.byteLength + padding.byteLength]), head, padding, ...parts]);
}

// What three-vrm made of a VRM: where its bones are, and the morph targets that each expression sets, by mesh.
function described(vrm) {
  const manager = vrm.expressionManager;
  const expressions = {};
  for (const { expressionName } of manager.expressions) {
    manager.resetValues();
    manager.setValue(expressionName, 1);
    manager.update();
    expressions[expressionName] = Object.fromEntries(
      meshes(vrm.scene).map((mesh) => {
        const names = Object.entries(mesh.morphTargetDictionary);
        return [mesh.name, Object.fromEntries(names.map(([name, k]) => [name, mesh.morphTargetInfluences[k]]).filter(([, w]) => w))];
      }),
    );
  }
  manager.resetValues();
  vrm.scene.updateWorldMatrix(true, true);
  const bones = Object.entries(vrm.humanoid.humanBones).map(([name, { node }]) => [
    name,
    node.getWorldPosition(new THREE.Vector3()).toArray(),
  ]);
  const box = new THREE.Box3();
  for (const mesh of meshes(vrm.scene)) {
    mesh.computeBoundingBox();
    box.union(mesh.boundingBox);
  }
  const bounds = [box.min.toArray(), box.max.toArray()];
  return { meta: vrm.meta, bones: Object.fromEntries(bones), expressions, bounds, lookAt: vrm.lookAt?.applier?.constructor.type };
}

// Textures as they are, with a given camera; black where there is no head.
async function take(root, shot, number) {
  setExpression(root, shot.expression);
  for (const mesh of meshes(root)) {
    mesh.material = new THREE.MeshBasicMaterial({ map: mesh.material.map, side: mesh.material.side });
  }
  const scene = new THREE.Scene();
  scene.add(root);
  scene.background = new THREE.Color(0);
  const camera = new THREE.PerspectiveCamera(shot.field, shot.width / shot.height, 0.01, 10);
  camera.matrixAutoUpdate = false;
  camera.matrix.fromArray(shot.matrix);
  camera.matrixWorldNeedsUpdate = true;
  renderer.setSize(shot.width, shot.height, false);
  renderer.render(scene, camera);
  await send(number, ".shot.png", await bytes(canvas));
}

const job = await (await fetch("/job")).json();
for (const [number, name] of job.names.entries()) {
  try {
    const url = `/file/${number}/${encodeURIComponent(name)}`;
    if (job.mode === "read" && name.endsWith(".vrm")) {
      await send(number, ".json", JSON.stringify(described(await loadVrm(url))));
      continue;
    }
    const root = await load(url);
    if (job.mode === "look") {
      await look(root, number);
    } else {
      await send(number, ".read", read(root, name.endsWith(".glb")));
      if (job.shot && name.endsWith(".glb")) await take(root, job.shot, number);
    }
  } catch (error) {
    await fetch(`/error/${number}`, { method: "POST", body: String(error.stack ?? error) });
  }
}
await fetch("/done");
