"""Set up a head in Blender: one slider for each expression, skin that light enters, smooth eyes.

    headshot reconstruct me.jpg -o out --preset blender
    blender --python examples/blender_setup.py -- out/me.glb                    # opens Blender with the head
    blender -b --python examples/blender_setup.py -- out/me.glb out/me.blend    # saves a file instead

With Blender as a Python module (``pip install bpy``), ``python examples/blender_setup.py`` does the same.

Each part of a head has its own shape keys. This gives the armature ``Head`` a custom property for each
expression and viseme (Object Properties, Custom Properties), which drives the keys of all parts together;
the armature's bones turn neck, head, jaw and eyes. From there, File > Export > FBX writes an FBX with bones
and shape keys, which no package that Headshot could use does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

SUBSURFACE = 0.12  # share of light that enters the skin, by eye
RADIUS = (0.003, 0.0013, 0.0007)  # metres that red, green and blue light goes in skin


def imported(file: Path) -> tuple[bpy.types.Object, list[bpy.types.Object]]:
    """The armature and the meshes of a GLB, alone in a new scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(file))
    (armature,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    meshes = [thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys]
    for bone in armature.pose.bones:  # no balls in their places, which would get into an FBX
        bone.custom_shape = None
    for thing in [thing for thing in bpy.data.objects if thing.type == "MESH" and thing not in meshes]:
        bpy.data.objects.remove(thing)
    return armature, meshes


def drive(armature: bpy.types.Object, meshes: list[bpy.types.Object]) -> list[str]:
    """Let one property of the armature drive the shape keys of that name on all meshes; their names."""
    names = [key.name for key in meshes[0].data.shape_keys.key_blocks][1:]
    for name in names:
        armature[name] = 0.0
        armature.id_properties_ui(name).update(min=0.0, max=1.0, soft_min=0.0, soft_max=1.0)
        for mesh in meshes:
            key = mesh.data.shape_keys.key_blocks.get(name)
            if key is None:
                continue
            driver = key.driver_add("value").driver
            driver.type = "AVERAGE"
            variable = driver.variables.new()
            variable.targets[0].id = armature
            variable.targets[0].data_path = f'["{name}"]'
    return names


def soften(material: bpy.types.Material) -> None:
    """Let light enter the skin."""
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Subsurface Weight"].default_value = SUBSURFACE
    shader.inputs["Subsurface Radius"].default_value = [length / RADIUS[0] for length in RADIUS]
    shader.inputs["Subsurface Scale"].default_value = RADIUS[0]


def main(arguments: list[str]) -> None:
    if len(arguments) not in (1, 2):
        raise SystemExit("usage: blender --python examples/blender_setup.py -- HEAD.glb [OUT.blend]")
    armature, meshes = imported(Path(arguments[0]))
    names = drive(armature, meshes)
    for material in bpy.data.materials:
        if material.name == "Skin":
            soften(material)
    print(
        f"{len(meshes)} meshes, {len(names)} sliders, bones {', '.join(b.name for b in armature.data.bones)}"
    )
    if len(arguments) == 2:
        bpy.ops.wm.save_as_mainfile(filepath=str(Path(arguments[1]).resolve()))


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:])
